package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"time"
)

// notify tells the service manager how the daemon does, by the datagrams of
// sd_notify(3). Where nobody asked to be told it does nothing.
func notify(state string) error {
	socket := os.Getenv("NOTIFY_SOCKET")
	if socket == "" {
		return nil
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("service manager: %w", err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte(state)); err != nil {
		return fmt.Errorf("service manager: %w", err)
	}
	return nil
}

// watchdog tells the service manager twice in its time that the daemon is
// alive, each time after alive has returned; where that hangs, the manager
// hears nothing and restarts the daemon. The function it returns ends it.
func watchdog(alive func()) (stop func()) {
	micros, err := strconv.ParseInt(os.Getenv("WATCHDOG_USEC"), 10, 64)
	if pid := os.Getenv("WATCHDOG_PID"); err != nil || micros < 2 || pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	var ended sync.WaitGroup
	ended.Go(func() {
		tick := time.NewTicker(time.Duration(micros) * time.Microsecond / 2)
		defer tick.Stop()
		for {
			alive()
			_ = notify("WATCHDOG=1") // a manager that cannot be told restarts the daemon: its decision
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	})
	return func() { cancel(); ended.Wait() }
}
