/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "contacts/roster.h"
#include "smtp/pace.h"

/* The groups of domains of the configuration, each a receiver with limits of its own that
 * hold over all releases and relays. A group is a *lane*, numbered from 1 in the order of
 * the file; lane 0 is everybody else and has no limits.
 *
 * A message counts from when its envelope begins, which is when its intent is entered into
 * the journal, until its outcome. What a slow disk or relay holds up in between may come
 * closer together: as many messages as the group has connections, at most. */

typedef struct Domains Domains;

/* Keeps a reference to config. */
Domains *domains_new(Config *config, gint64 now_ms);
Domains *domains_ref(Domains *domains);
void domains_unref(Domains *domains);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Domains, domains_unref)

/* Whether config has the same groups, in the same order. */
gboolean domains_suit(const Domains *domains, const Config *config);

/* New settings: groups of the same name (their first domain) go on with what they have
 * counted. One whose settings are the same stays the same group, with what is under way; of one
 * that has changed, that is former's until its outcome. */
void domains_inherit(Domains *domains, const Domains *former, gint64 now_ms);

guint domains_lanes(const Domains *domains);   /* groups and lane 0 */
guint domains_lane(const Domains *domains, const char *mailbox);

/* The lane of each contact, contact n at n - 1. NULL without error where there are no
 * groups. Caller frees. */
guint8 *domains_sort(const Domains *domains, Roster *roster, GError **error);

/* How many messages to the lane may begin now. */
guint domains_room(Domains *domains, guint lane, gint64 now_ms);

/* As many as the group has connections are under way. */
gboolean domains_is_full(const Domains *domains, guint lane);

void domains_begin(Domains *domains, guint lane, gint64 now_ms);
void domains_end(Domains *domains, guint lane);

/* Another process had sent a message to the lane; see pace_recall(). */
void domains_recall(Domains *domains, guint lane, gint64 then_ms, gint64 now_ms);

/* When the next lane opens that its rate keeps shut; G_MAXINT64: none does. */
gint64 domains_next_ms(Domains *domains, gint64 now_ms);
