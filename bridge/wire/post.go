package wire

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"mime"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"time"

	"github.com/linkspan/linkspan/bridge/trace"
	"github.com/linkspan/linkspan/record"
)

// URL is where a client with this address posts to: the address may state its own
// scheme and path.
func URL(addr, path string, secure bool) string {
	scheme := "http://"
	if secure {
		scheme = "https://"
	}
	for _, stated := range []string{"http://", "https://"} {
		if rest, ok := strings.CutPrefix(addr, stated); ok {
			scheme, addr = stated, rest
		}
	}
	if host, own, found := strings.Cut(addr, "/"); found {
		addr = host
		if own != "" {
			path = "/" + own
		}
	}
	return scheme + addr + path
}

// newHTTPClient takes no proxy from the environment, follows no redirect and
// asks for no compression: what is sent goes to the endpoint and nowhere else.
func newHTTPClient(o ClientOptions) *http.Client {
	transport := &http.Transport{
		DialContext:            (&net.Dialer{Timeout: o.ConnectTimeout}).DialContext,
		TLSClientConfig:        o.TLS.Clone(),
		TLSHandshakeTimeout:    o.ConnectTimeout,
		DisableCompression:     true,
		MaxResponseHeaderBytes: 64 << 10,
		MaxIdleConnsPerHost:    8,
		IdleConnTimeout:        30 * time.Second, // well before a server's own, so that few are found closed
	}
	if o.Secure != nil {
		transport.DialTLSContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, o.ConnectTimeout)
			defer cancel()
			return (&tls.Dialer{Config: o.Secure()}).DialContext(ctx, network, address)
		}
	}
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// post makes one HTTP exchange: a POST, or what the message says on a wire with a
// head.
func (c *Client) post(ctx context.Context, msg []byte, going func()) ([]byte, error) {
	connected := false
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) {
		connected = true
		going()
	}})
	r, err := c.request(ctx, msg)
	if err != nil {
		return nil, err
	}
	if next := trace.From(ctx).Next(); next != "" {
		r.Header.Set(trace.Header, next)
	}
	response, err := c.http.Do(r)
	switch {
	case err != nil && !connected:
		return nil, fault(record.ReasonUnavailable, err)
	case err != nil:
		return nil, fault(interrupted(ctx, err), err)
	}
	defer response.Body.Close()
	if !identity(response.Header) {
		return nil, fault(record.ReasonBadAnswer, errEncoded)
	}
	body, err := readAll(response.Body, c.options.Limit)
	switch {
	case errors.Is(err, errTooLarge):
		return nil, fault(record.ReasonTooLarge, err)
	case err != nil:
		return nil, fault(interrupted(ctx, err), err)
	}
	if len(c.wire.Head) > 0 {
		return c.headedAnswer(ctx, response, body)
	}
	switch success := response.StatusCode/100 == 2; {
	case success && len(bytes.TrimSpace(body)) == 0:
		return nil, fault(record.ReasonBadAnswer, errEmptyBody)
	case !success && (response.StatusCode/100 == 3 || !isXML(response.Header, body)):
		return nil, fault(statusReason(response.StatusCode), fmt.Errorf("HTTP status %d", response.StatusCode))
	}
	// An answer, or a native error such as a SOAP fault, whatever the status.
	answer, err := selfContained(ctx, c.wire.ContentType, charset(response.Header), body, c.options.Limit)
	if err != nil {
		return nil, fault(record.ReasonBadAnswer, err)
	}
	return answer, nil
}

// request is the POST of msg, or what msg says itself on a wire with a head.
func (c *Client) request(ctx context.Context, msg []byte) (*http.Request, error) {
	if len(c.wire.Head) > 0 {
		r, err := c.headedRequest(ctx, msg)
		if err != nil {
			return nil, fault(record.ReasonInternal, err) // our own codec wrote it
		}
		return r, nil
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.address, bytes.NewReader(msg))
	if err != nil {
		return nil, fault(record.ReasonUnavailable, err)
	}
	c.setHeaders(r.Header)
	return r, nil
}

func (c *Client) setHeaders(h http.Header) {
	h.Set("Content-Type", c.wire.ContentType)
	h.Set("User-Agent", "linkspan")
	for name, v := range c.wire.Headers {
		if strings.Contains(v, "{cn}") {
			if c.options.CommonName == "" {
				continue
			}
			v = strings.ReplaceAll(v, "{cn}", c.options.CommonName)
		}
		h.Set(name, v)
	}
	for name, values := range c.options.Headers {
		h[http.CanonicalHeaderKey(name)] = values
	}
}

// isXML tells a native error from the page of a web server or gateway.
func isXML(h http.Header, body []byte) bool {
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err == nil && (!strings.HasSuffix(kind, "xml") || kind == "application/xhtml+xml") {
		return false
	}
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\xEF\xBB\xBF")))
	start := strings.ToLower(string(body[:min(len(body), 9)]))
	return strings.HasPrefix(start, "<") && start != "<!doctype" && !strings.HasPrefix(start, "<html")
}

// statusReason is what a status without a native body says. 404 and its like
// are about the address, never about the patient.
func statusReason(status int) record.Reason {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return record.ReasonRefused
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone,
		http.StatusBadGateway, http.StatusServiceUnavailable:
		return record.ReasonUnavailable
	case http.StatusRequestTimeout, http.StatusGatewayTimeout:
		return record.ReasonTimeout
	case http.StatusTooManyRequests:
		return record.ReasonBusy
	}
	return record.ReasonBadAnswer
}
