// Package manual has a person publish the challenges, for zones at services without an API that we know.
//
// There are no settings. "wildcard issue --provider manual '*.example.com'" shows the TXT records to set, all that are
// needed in one list, and goes on by itself when every name server has them: nothing has to be pressed, so it cannot be pressed
// too early. That wait is the ordinary one, with its longest limit, 50 minutes. Afterwards the records that may go are shown.
//
// Decisions:
//
//   - A person has to be there. Without a terminal, as in a timer's run, opening the provider fails at once
//     with [CodeNoTerminal], before anything is ordered, rather than after 50 minutes.
//   - certbot's hooks have no terminal either: a hook that succeeds says nothing, and certbot shows what it says when
//     all is over. So manual refuses to be opened for certbot, which asks a person itself if it is given no hooks.
//   - We write nothing, so ZONE= is not required: without it a person is asked for every name that no other account holds.
//     With it, for names in that zone only. A CNAME is followed only into a ZONE=, here as with any other provider.
//   - CleanUp says what may be removed and succeeds: whether it is removed cannot be found out, and a value that is not used any
//     more does no harm. So a record left by a run that died leaves the journal when a person has been told of it, by a later
//     run or by "wildcard clean" at a terminal. An unattended sweep cannot open the provider, and so the entry stays.
//   - What several calls want within a quarter of a second is one list.
package manual
