// Package limit counts what must not happen too often, and remembers for a while what must not
// happen twice, or what somebody may come back to.
//
// A [Store] is four small interfaces over keys: a [Counter] enforces a [Rule] (failed sign-ins of
// one identifier, codes sent to one number, a `state` that may be used once); a [DenyList] has the
// session ids that sign-in and sign-out replaced; [Outcomes] are what requests came to that may be
// sent twice; [Values] are found again by who left without them. [Memory] is all of it in this
// process, bounded in size. Several instances of the program behind one address share package
// limit/shared's, in Redis. What both must do is told by package limit/conformance.
//
// The package is not where limits are chosen: the rules stand beside the handlers that enforce
// them, and what a refusal looks like is theirs too. A restart forgets what Memory holds, which for
// limits of minutes is the price of having no store to run.
//
// Callers build keys with [Key], and pass what people typed through [NormalizeIdentifier] first, so
// that one account is one key however it is written.
package limit
