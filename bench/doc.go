// Command bench measures what our pages cost, against a program that does no more than it must.
//
//	go run ./bench                       # everything, some minutes
//	go run ./bench -only get-sms,start   # some lines
//	go run ./bench -markdown             # the table for README.md
//
// It builds the program as a release is built and starts it with a settings file, its log and
// the audit log in files, without the emulator. TCB is a stub, which answers at once whatever it is asked. Beside it
// runs the bare program: a Fiber handler that sends the very status, headers and body that ours
// sent. Where our answer needs calls of TCB, the bare program makes the same calls, with the same
// headers and bodies, by net/http; the stub has recorded which. All are processes of their own on
// loopback, driven over the same number of kept connections, in turns, so that what else the
// machine does meets both. A ratio is taken within a round; what is printed is the median of the
// rounds.
//
// What is measured of each page:
//
//   - requests a second, and the median and the 99th percentile of how long an answer took. The
//     client is on the same machine, so these say how the two compare, and not what a machine can do.
//   - CPU a request: what all threads of the process have run, in nanoseconds, by the kernel's own
//     account (/proc/PID/task/*/schedstat). It is the figure that other work on the machine disturbs
//     least, and the one that has a budget.
//   - allocations a request. The program shows no such thing to anybody, so they are those of a
//     twin: the same site, wired here as main wires it and asked over the network too, whose
//     runtime counts. The line of the bare program is counted in the same way.
//
// A POST is made as a browser makes it: its form was loaded before, in a session and from an
// address of its own, with a name or number of its own, so that no limit and no repeated request is
// measured instead. What goes before it is not timed. Answers that must look alike wait for a floor;
// the settings have the lowest there is, and waiting costs no CPU, but it is in the times.
//
// Then: the start, memory, idle connections, a backend that hangs, the first paint in Chromium, and
// what grows with the number of login configs and of limiter keys. Budgets are those of the design;
// one that is missed is told, and makes the exit code 1 with -strict.
//
// It runs on Linux alone, where /proc is. The program has children, which end with it.
package main
