/*
 * kinds: every kind of fault there is, declared. Each is defined in a file of its own, named like
 * it, and has its row in chaos/kinds.c.
 */
#ifndef CHAOS_KINDS_H
#define CHAOS_KINDS_H

#include "chaos/fault.h"

/* In the proxy, on bytes. */
extern const struct fault_kind wire_bandwidth;
extern const struct fault_kind wire_blackhole;
extern const struct fault_kind wire_corrupt;
extern const struct fault_kind wire_latency;
extern const struct fault_kind wire_limit_data;
extern const struct fault_kind wire_refuse;
extern const struct fault_kind wire_reset;
extern const struct fault_kind wire_slice;
extern const struct fault_kind wire_slow_close;

/* In the proxy, on calls. */
extern const struct fault_kind call_abort;
extern const struct fault_kind call_delay;
extern const struct fault_kind call_duplicate;
extern const struct fault_kind call_lose_reply;
extern const struct fault_kind call_replace;
extern const struct fault_kind call_truncate;

/* Processes. */
extern const struct fault_kind process_crash_loop;
extern const struct fault_kind process_fd_limit;
extern const struct fault_kind process_kill;
extern const struct fault_kind process_restart;
extern const struct fault_kind process_stop;

/* Networks. */
extern const struct fault_kind network_link_rate;
extern const struct fault_kind network_loss;
extern const struct fault_kind network_netem;
extern const struct fault_kind network_partition;
extern const struct fault_kind network_reject;

/* Machines. */
extern const struct fault_kind machine_cpu;
extern const struct fault_kind machine_disk_fill;
extern const struct fault_kind machine_disk_latency;
extern const struct fault_kind machine_memory;

/* Containers. */
extern const struct fault_kind container_disconnect;
extern const struct fault_kind container_kill;
extern const struct fault_kind container_pause;
extern const struct fault_kind container_stop;

/* Witnesses. */
extern const struct fault_kind witness_bounce;
extern const struct fault_kind witness_decline;
extern const struct fault_kind witness_provider_error;
extern const struct fault_kind witness_webhooks;

#endif
