// Package shared is a [limit.Store] in Redis or Valkey, so that several instances behind one address
// count, deny and remember together.
//
// What it promises is what an instance can know. While Redis answers, each decision is one step
// there: a script, or one command, on one key, by Redis' own clock. Keys are HMACs under a secret of
// the store alone, so that Redis lists no number, address or session, and rotating session keys
// forgets nothing. Every key but one expires.
//
// When Redis does not answer within the deadline, the store is away: a breaker opens, so that nobody
// waits for it a second time, and until a probe gets through
//
//   - counts, outcomes and values are this instance's own. It has counted along all the time, so
//     that an outage that comes and goes hands out no fresh budget; for one window of a rule after
//     it the stricter of the two counts decides.
//   - who asks for a denied id hears that it is not sure, for ids older than the last round trip
//     (less a minute), or than the instance where there was none. Who signs out is remembered here
//     and told to Redis when it is back.
//
// Redis can also forget without being away: restarted empty, or flushed. So one key, which does not
// expire, says since when it has known everything (the epoch). It is read with every question about
// a denied id; where it is gone or another, ids from before are not sure. And a Redis that may evict
// keys forgets all the time: one whose maxmemory-policy is not noeviction counts as away.
//
// No call is made twice: what a script did whose answer was lost is not known, and counting twice
// would refuse people. Only a script that Redis does not have yet is sent again, whole.
package shared
