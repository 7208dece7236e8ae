/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/place.h"

/* What must hold between settings that are right by themselves. Each function is given
 * the group just read and its struct, whose derived fields it fills in; relays and lists
 * are read before channels. Where a setting was wrong by itself, it says no more. */
void rules_check_global(const Place *place, Config *config);
void rules_check_relay(const Place *place, RelaySettings *relay);
void rules_check_domains(const Place *place, DomainSettings *domains);
void rules_check_list(const Place *place, ListSettings *list);
void rules_check_channel(const Place *place, ChannelSettings *channel);
