/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Words that work on files alone, each with options of its own. */
#include "align/align.h"
#include "allocation/allocate_command.h"
#include "crew/crew.h"
#include "crew/member.h"
#include "crew/nest.h"
#include "federated/align_federated.h"
#include "federated/align_federated_campaign.h"
#include "federated/align_group.h"
#include "fit/align_fit.h"

const align_tool_t align_tools[] = {{"fit",
                                     "fit PILOTS",
                                     "fits a map between two codecs' symbols",
                                     align_fit_main,
                                     {align_fit_table}},
                                    {"federated",
                                     "federated IN OUT",
                                     "one pre-equaliser for several users' latents",
                                     align_federated_main,
                                     {align_federated_table}},
                                    {"federated-campaign",
                                     "federated-campaign",
                                     "NMSE and accuracy of its methods over many channels",
                                     align_federated_campaign_main,
                                     {align_federated_campaign_table}},
                                    {"ap",
                                     "ap IN [OUT]",
                                     "the same with users in processes of their own: the access point",
                                     align_ap_main,
                                     {align_federated_table, align_ap_table}},
                                    {"user",
                                     "user IN [OUT]",
                                     "and one of its users",
                                     align_user_main,
                                     {align_user_table}},
                                    {"allocate",
                                     "allocate NETWORK",
                                     "which agent keeps which level of knowledge",
                                     align_allocate_command,
                                     {allocate_options, network_options}},
                                    {"agent",
                                     "agent",
                                     "one agent of a network: holds, shares and uses knowledge",
                                     member_main,
                                     {member_options}},
                                    {"nest",
                                     "nest ADAPTER OUT",
                                     "levels out of a low-rank adapter",
                                     nest_main,
                                     {nest_options}},
                                    {"network",
                                     "network NETWORK",
                                     "brings a network's agents to the state of a plan",
                                     crew_main,
                                     {crew_options, allocate_options}},
                                    {0}};
