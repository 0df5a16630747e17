// Package limits is what strangers are held to: the rules of guessing and sending, the networks
// that they count by, counts that are taken before a call and given back after it, and the floor
// below which no answer leaves that could tell by its time who has an account. Where counts are
// kept is limit's business; what a page says of a limit is refusal's.
package limits
