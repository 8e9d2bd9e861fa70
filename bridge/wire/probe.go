package wire

import (
	"context"
	"net"
	"net/url"
	"time"

	"github.com/linkspan/linkspan/pairs/system"
)

// probe looks every so often whether the endpoint takes a connection, while no
// message is on its way there. It connects and closes again: nothing is sent, no
// TLS is begun and no turn of the throttle is used, so that the endpoint's own
// limits are not touched and its log shows no message. Whether it answers is
// seen when it is asked.
func (c *Client) probe(ctx context.Context, ticks <-chan time.Time) {
	address := c.hostPort()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks:
		}
		if now := c.condition.read(); now.InFlight > 0 {
			continue
		}
		bounded, cancel := context.WithTimeout(ctx, c.options.ConnectTimeout)
		conn, err := new(net.Dialer).DialContext(bounded, "tcp", address)
		cancel()
		if err == nil {
			_ = conn.Close() // nothing was sent on it
		}
		if ctx.Err() == nil {
			c.condition.probed(err == nil)
		}
	}
}

// hostPort is where the endpoint listens.
func (c *Client) hostPort() string {
	if c.wire.Transport != system.HTTP {
		return c.address
	}
	u, err := url.Parse(c.address)
	if err != nil {
		return c.address // which cannot be connected to either
	}
	port := u.Port()
	if port == "" {
		port = u.Scheme // net knows http and https
	}
	return net.JoinHostPort(u.Hostname(), port)
}
