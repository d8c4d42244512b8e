#include "lib/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/memory.h"

/* The incomplete beta function, by its continued fraction (Lentz). */

enum { FRACTION_TERMS_MAX = 300 };

static double kept_off_zero(double value)
{
	return fabs(value) < 1e-300 ? 1e-300 : value;
}

static double beta_fraction(double a, double b, double x)
{
	double c = 1, d = 1 / kept_off_zero(1 - (a + b) * x / (a + 1)), result = d;

	for (int m = 1; m <= FRACTION_TERMS_MAX; m++) {
		double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
		double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
		double step;

		d = 1 / kept_off_zero(1 + even * d);
		c = kept_off_zero(1 + even / c);
		result *= d * c;
		d = 1 / kept_off_zero(1 + odd * d);
		c = kept_off_zero(1 + odd / c);
		step = d * c;
		result *= step;
		if (fabs(step - 1) < 1e-14)
			break;
	}
	return result;
}

static double beta_share(double a, double b, double x)
{
	double front;

	if (x <= 0 || x >= 1)
		return x > 0;
	front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
	if (x < (a + 1) / (a + b + 2))
		return front * beta_fraction(a, b, x) / a;
	return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

double stats_t_below(double t, double freedom)
{
	double tail;

	if (isnan(t))
		return (double)NAN;
	if (isinf(t))
		return t > 0;
	tail = beta_share(freedom / 2, 0.5, freedom / (freedom + t * t)) / 2;
	return t > 0 ? 1 - tail : tail;
}

double stats_t_at(double share, double freedom)
{
	double low = -1e6, high = 1e6;

	for (int i = 0; i < 200 && high - low > 1e-12 * fmax(1, fabs(low)); i++) {
		double middle = (low + high) / 2;

		if (stats_t_below(middle, freedom) < share)
			low = middle;
		else
			high = middle;
	}
	return (low + high) / 2;
}

/* Several tests at once. */

struct ranked {
	double value;
	size_t row;
};

static int by_value(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	return (x->value > y->value) - (x->value < y->value);
}

static struct ranked *rank(const double *values, size_t count, double sign)
{
	struct ranked *ranked = memory_array(count + 1, sizeof(*ranked));

	for (size_t i = 0; i < count; i++)
		ranked[i] = (struct ranked){ sign * values[i], i };
	qsort(ranked, count, sizeof(*ranked), by_value);
	return ranked;
}

void stats_holm(const double *p, size_t count, double *adjusted)
{
	struct ranked *ranked = rank(p, count, 1);
	double most = 0;

	for (size_t i = 0; i < count; i++) {
		most = fmax(most, fmin(1, ranked[i].value * (double)(count - i)));
		adjusted[ranked[i].row] = most;
	}
	free(ranked);
}

/* Blocks of seconds. */

double stats_persistence(const double *series, size_t count)
{
	double mean = 0, products = 0, squares = 0, share;

	for (size_t i = 0; i < count; i++)
		mean += series[i] / (double)count;
	for (size_t i = 0; i < count; i++) {
		squares += (series[i] - mean) * (series[i] - mean);
		if (i)
			products += (series[i] - mean) * (series[i - 1] - mean);
	}
	if (count < 3 || squares <= 0)
		return 0;
	share = products / squares;
	share += (1 + 3 * share) / (double)count;
	return fmin(fmax(share, 0), 0.95);
}

/* Long enough for what persists, but there have to be some of them. */
size_t stats_block_length(size_t count, double persistence)
{
	double usual = ceil(2 * cbrt((double)count) - 1e-9);
	double wanted = ceil(3 * (1 + persistence) / (1 - persistence) - 1e-9);
	double most = fmax(usual, floor((double)count / 5));
	size_t length = (size_t)fmax(usual, fmin(wanted, most));

	return length < count ? length : count ? count : 1;
}

/*
 * Blocks cut what persists at their ends. For an AR(1) process of persistence r the variance from
 * blocks of length b is too small by 2r / ((1 - r^2) b), to first order.
 */
double stats_block_loss(size_t block, double persistence)
{
	double lost = 2 * persistence / ((1 - persistence * persistence) * (double)block);

	return 1 / sqrt(1 - fmin(lost, 0.85));
}

void stats_resample(struct random *random, size_t block, uint32_t *times, size_t count)
{
	size_t drawn = 0;

	memset(times, 0, count * sizeof(*times));
	while (drawn < count) {
		size_t at = (size_t)random_below(random, count);

		for (size_t i = 0; i < block && drawn < count; i++, drawn++)
			times[(at + i) % count]++;
	}
}

/* Deals of runs. */

static double choose(size_t from, size_t some)
{
	double ways = 1;

	for (size_t i = 1; i <= some; i++)
		ways = ways * (double)(from - some + i) / (double)i;
	return round(ways);
}

/* The next larger number with as many bits set. */
static uint64_t next_deal(uint64_t deal)
{
	int lowest = __builtin_ctzll(deal);
	uint64_t ripple = deal + (UINT64_C(1) << lowest);

	return ripple | ((deal ^ ripple) >> 2 >> lowest);
}

static uint64_t random_deal(struct random *random, size_t runs, size_t new)
{
	uint64_t deal = 0;

	for (size_t i = 0, left = new; i < runs; i++)
		if (random_below(random, runs - i) < left) {
			deal |= UINT64_C(1) << i;
			left--;
		}
	return deal;
}

void stats_deals_init(struct stats_deals *deals, size_t base, size_t new, struct random *random)
{
	size_t runs = base + new;
	double ways = choose(runs, new);
	uint64_t seen = ((UINT64_C(1) << new) - 1) << base, deal = (UINT64_C(1) << new) - 1;

	*deals = (struct stats_deals){ .base = base, .new = new, .exact = ways <= STATS_DEALS_MAX };
	deals->count = deals->exact ? (size_t)ways : STATS_DEALS_MAX;
	deals->deals = memory_array(deals->count, sizeof(*deals->deals));
	deals->deals[0] = seen;
	for (size_t i = 1; i < deals->count; deal = next_deal(deal)) {
		if (!deals->exact)
			deals->deals[i++] = random_deal(random, runs, new);
		else if (deal != seen)
			deals->deals[i++] = deal;
	}
}

void stats_deals_release(struct stats_deals *deals)
{
	free(deals->deals);
	*deals = (struct stats_deals){ 0 };
}

/* What the runs dealt to the new side add up to, with `shift` taken off the new runs. */
static double sum_of_deal(const struct stats_deals *deals, uint64_t deal, const double *values,
			  double shift)
{
	double sum = 0;

	for (size_t i = 0; i < deals->base + deals->new; i++)
		if (deal >> i & 1)
			sum += values[i] - (i >= deals->base ? shift : 0);
	return sum;
}

/* Sums that differ in the last digits only are the same. */
static double slack(const struct stats_deals *deals, const double *values)
{
	double most = 0;

	for (size_t i = 0; i < deals->base + deals->new; i++)
		most = fmax(most, fabs(values[i]));
	return 1e-12 * (1 + most) * (double)(deals->base + deals->new);
}

double stats_deals_p(const struct stats_deals *deals, const double *values, double shift)
{
	double seen = sum_of_deal(deals, deals->deals[0], values, shift) - slack(deals, values);
	size_t as_high = 0;

	for (size_t i = 0; i < deals->count; i++)
		as_high += sum_of_deal(deals, deals->deals[i], values, shift) >= seen;
	return (double)as_high / (double)deals->count;
}

double stats_deals_bound(const struct stats_deals *deals, const double *values, double share)
{
	double low = -20, high = 20;

	if (stats_deals_p(deals, values, low) > share)
		return -(double)INFINITY;
	for (int i = 0; i < 45; i++) {
		double middle = (low + high) / 2;

		if (stats_deals_p(deals, values, middle) <= share)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* How far apart a deal's sides are, in units of their own spread. */
static double t_of_deal(const struct stats_deals *deals, uint64_t deal, const double *values,
			double shift)
{
	double base = (double)deals->base, new = (double)deals->new;
	double sums[2] = { 0, 0 }, squares = 0, spread, apart;

	for (size_t i = 0; i < deals->base + deals->new; i++) {
		double value = values[i] - (i >= deals->base ? shift : 0) - values[0];

		sums[deal >> i & 1] += value;
		squares += value * value;
	}
	apart = sums[1] / new - sums[0] / base;
	spread = squares - sums[0] * sums[0] / base - sums[1] * sums[1] / new;
	return apart / sqrt(fmax(spread, 1e-18) / (base + new - 2) * (1 / base + 1 / new));
}

/* Counts, from the row that is least apart to the one that is most, how often the most of the rows
 * so far is as high as the row itself was. */
static void count_deal(const struct stats_deals *deals, uint64_t deal, const double *const *values,
		       const double *shifts, const struct ranked *ranked, size_t rows,
		       size_t *as_high)
{
	double most = -(double)INFINITY;

	for (size_t i = 0; i < rows; i++) {
		size_t row = ranked[i].row;

		most = fmax(most, t_of_deal(deals, deal, values[row], shifts[row]));
		as_high[row] += most >= ranked[i].value - 1e-9 * fabs(ranked[i].value);
	}
}

void stats_deals_adjust(const struct stats_deals *deals, const double *const *values,
			const double *shifts, size_t rows, double *adjusted)
{
	size_t *as_high = memory_array(rows + 1, sizeof(*as_high));
	struct ranked *ranked;
	double most = 0;

	for (size_t row = 0; row < rows; row++)
		adjusted[row] = t_of_deal(deals, deals->deals[0], values[row], shifts[row]);
	ranked = rank(adjusted, rows, 1);
	for (size_t i = 0; i < deals->count; i++)
		count_deal(deals, deals->deals[i], values, shifts, ranked, rows, as_high);
	for (size_t i = rows; i-- > 0;) {
		most = fmax(most, (double)as_high[ranked[i].row] / (double)deals->count);
		adjusted[ranked[i].row] = most;
	}
	free(ranked);
	free(as_high);
}
