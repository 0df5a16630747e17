//go:build !linux

package main

import (
	"context"
	"net"
)

// refuseNew is what Linux alone can do: elsewhere connections that have begun, and are not accepted
// yet, are reset by a stop.
func refuseNew(context.Context, net.Listener) {}
