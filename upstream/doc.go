// Package upstream stands between the clients of one TCB environment and the network, so that a TCB
// that fails takes nothing of ours with it. Transport is an [http.RoundTripper]: every call goes
// through it, and neither authclient nor the handlers know of it. It does three things.
//
//   - It caps the calls in flight. One beyond the cap fails at once, with a time to wait; nothing
//     waits in line. A person who is told to try again in a moment is better off than one of
//     thousands in a queue, and memory stays bounded by the cap.
//   - It stops calling while TCB is away (a circuit breaker). Of the last calls most failed: then no
//     call leaves for a while, and after it a single one, the probe, finds out whether TCB is back.
//   - It knows how TCB is ([Transport.Health]), for who asks about readiness, without a call.
//
// What counts as a failure: no connection, no answer in time, and an answer by which a gateway or TCB
// itself says that it is away. A refusal is a success, whatever its status, for TCB is there to
// refuse. So is a 500: it says that one call went wrong, and a stranger who finds what makes TCB
// answer so could otherwise shut the door for everybody. For the same reason it takes four failures
// of five and not some in a row: with text messages down, and nothing else, passwords go on.
//
// The breaker is our own. github.com/sony/gobreaker, which is small and looked after, throws away
// what began before its counting window did, so calls that hang for longer than the window never
// open it; it takes its time from time.Now alone; and it knows nothing of when to try again, which
// people are told here.
package upstream
