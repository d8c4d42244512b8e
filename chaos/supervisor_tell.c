/* Every change of a fault's state: into the history, into the journal, to the controller. */
#include "chaos/supervisor_parts.h"

#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/memory.h"

void guard_send(struct guard *guard)
{
	while (guard->control >= 0 && guard->notice_first < guard->notice_count) {
		const struct notice *notice = &guard->notices[guard->notice_first];

		if (send(guard->control, notice, sizeof(*notice), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			return;
		guard->notice_first++;
	}
	guard->notice_first = guard->notice_count = 0;
}

void guard_queue(struct guard *guard, const struct notice *notice)
{
	if (guard->control < 0)
		return;
	guard->notices = memory_grow(guard->notices, guard->notice_count, &guard->notice_room,
				     sizeof(*guard->notices));
	guard->notices[guard->notice_count++] = *notice;
	guard_send(guard);
}

/* Who did it belongs to an audit trail; what was done is in the words of the plan. */
static void add_who(const struct guard *guard, struct buffer *text)
{
	const struct passwd *user = getpwuid(getuid());
	char host[256] = "?";

	gethostname(host, sizeof(host) - 1);
	buffer_format(text,
		      "by %s (%u), run '%s', supervisor %d on %s: ", user ? user->pw_name : "user",
		      (unsigned)getuid(), guard->settings->run ? guard->settings->run : "",
		      (int)getpid(), host);
}

static void into_history(struct guard *guard, const struct ward *ward, const char *text)
{
	struct record_fault record = {
		.at_us = clock_now_us() - guard->settings->start_us,
		.fault = ward->fault->number,
		.state = (uint8_t)ward->state,
		.hits = ward->hits,
	};
	struct buffer words = BUFFER_EMPTY;

	if (!guard->history)
		return;
	history_put(guard->history, RECORD_FAULT, 0, &record, sizeof(record));
	buffer_format(&words, "%s: ", fault_state_name(ward->state));
	if (ward->state == FAULT_ARMING)
		add_who(guard, &words);
	buffer_add_string(&words, text);
	history_add_text(guard->history, RECORD_FAULT_TEXT, ward->fault->number,
			 buffer_text(&words));
	buffer_release(&words);
}

/* Cut to size at the end; the whole is in the history. */
static void copy_cut(char *into, size_t size, const char *text)
{
	size_t length = strlen(text);

	if (length >= size)
		length = size - 1;
	memcpy(into, text, length);
	into[length] = '\0';
}

void guard_tell(struct guard *guard, struct ward *ward, enum fault_state state, const char *text)
{
	struct notice notice = { .kind = NOTICE_EVENT };

	ward->state = state;
	/* ARMING had to be there before. Should another not fit: healing twice is harmless. */
	if (state != FAULT_ARMING && state != FAULT_REFUSED)
		journal_state(guard->journal, ward->fault->number, state, NULL);
	into_history(guard, ward, text);
	notice.event = (struct fault_event){
		.fault = ward->fault->number,
		.state = state,
		.at_us = clock_now_us() - guard->settings->start_us,
		.hits = ward->hits,
	};
	copy_cut(notice.event.text, sizeof(notice.event.text), text);
	guard_queue(guard, &notice);
}

void outcome_count(struct supervisor_outcome *outcome, enum fault_state state)
{
	switch (state) {
	case FAULT_PLANNED:
		outcome->never_triggered++;
		break;
	case FAULT_HEALED:
		outcome->healed++;
		break;
	case FAULT_REFUSED:
		outcome->refused++;
		break;
	case FAULT_FAILED:
		outcome->failed++;
		break;
	default: /* whatever is under way is not proven to be healed */
		outcome->unproven++;
		break;
	}
}

void guard_tell_outcome(struct guard *guard)
{
	struct notice notice = { .kind = NOTICE_OUTCOME };

	for (size_t i = 0; i < guard->ward_count; i++)
		outcome_count(&notice.outcome, guard->wards[i].state);
	guard_queue(guard, &notice);
}
