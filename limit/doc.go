// Package limit counts what must not happen too often, and remembers for a while what must not
// happen twice.
//
// A [Counter] enforces a [Rule] per key: failed sign-ins of one identifier, codes sent to one
// number. A [Set] marks a key until a time has passed: the session ids that sign-out ended, the
// `state` values already used. [Memory] is both, in this process and bounded in size; several
// instances of the program behind one address need a store they share, behind the same two
// interfaces.
//
// The package is not where limits are chosen: the rules stand beside the handlers that enforce
// them, and what a refusal looks like is theirs too. Nothing here is persistent; a restart forgets,
// which for limits of minutes is the price of having no store to run.
//
// Callers build keys with [Key], and pass what people typed through [NormalizeIdentifier] first, so
// that one account is one key however it is written.
package limit
