package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/linkspan/linkspan/bridge/secret"
	"github.com/linkspan/linkspan/bridge/status"
)

type topCommand struct {
	URL       string `default:"http://127.0.0.1:7787" help:"Address of the operations page."`
	TokenFile string `name:"token-file" placeholder:"FILE" help:"File with the token that opens the page."`
	CA        string `name:"ca" placeholder:"FILE" help:"PEM file of the authorities of the page's certificate; the machine's own are not used."`
	Cert      string `placeholder:"FILE" help:"Own PEM certificate, where the page wants one."`
	Key       string `placeholder:"FILE" help:"Its PEM key, readable by its owner only."`
	Once      bool   `help:"Print how the link does and end: exit code 0 unless it is down."`
}

// The pace of top.
const (
	topAgain    = 2 * time.Second  // after a stream that ended
	topPatience = 10 * time.Second // for an answer
	topStale    = 30 * time.Second // of silence, after which a stream is given up; the page sends a comment every 15 s
	topLine     = 4 << 20          // bytes of one message
)

// Run shows the operations page in a terminal until it is told to stop. Not on a
// terminal it prints one frame after the other.
func (c topCommand) Run(ctx context.Context, to streams) error {
	page, err := c.page()
	if err != nil {
		return err
	}
	terminal := isTerminal(to.out)
	if c.Once {
		bounded, cancel := context.WithTimeout(ctx, topPatience)
		defer cancel()
		link, err := page.once(bounded)
		if err != nil {
			return err
		}
		fmt.Fprint(to.out, topFrame{link: link, at: time.Now(), colour: terminal}.String())
		if link.Level == status.Down {
			return errRefused
		}
		return nil
	}
	t := topScreen{to: to.out, terminal: terminal}
	t.begin()
	defer t.end()
	for ctx.Err() == nil {
		err := page.stream(ctx, func(link status.Link) { t.show(link, "") })
		var denied topDenied
		if errors.As(err, &denied) {
			return err
		}
		t.lost(err)
		wait, cancel := context.WithTimeout(ctx, topAgain)
		<-wait.Done()
		cancel()
	}
	return nil
}

// topScreen draws frames: on a terminal each in the place of the last.
type topScreen struct {
	to       io.Writer
	terminal bool
	last     status.Link
	heard    time.Time
}

func (t *topScreen) begin() {
	if t.terminal {
		fmt.Fprint(t.to, "\x1b[?1049h\x1b[?25l") // a screen of its own, without a cursor
	}
}

func (t *topScreen) end() {
	if t.terminal {
		fmt.Fprint(t.to, "\x1b[?25h\x1b[?1049l")
	}
}

func (t *topScreen) show(link status.Link, trouble string) {
	if trouble == "" {
		t.last, t.heard = link, time.Now()
	}
	text := topFrame{link: link, at: time.Now(), heard: t.heard, trouble: trouble, colour: t.terminal}.String()
	if t.terminal {
		text = "\x1b[H" + strings.ReplaceAll(text, "\n", "\x1b[K\n") + "\x1b[J"
	}
	fmt.Fprint(t.to, text)
}

// lost says that nothing comes, over the last that came.
func (t *topScreen) lost(err error) {
	words := "the stream ended"
	if err != nil {
		words = err.Error()
	}
	t.show(t.last, words)
}

// topPage is where the page is and how it is opened.
type topPage struct {
	url, token string
	client     *http.Client
}

// topDenied is an answer that will not be another one later.
type topDenied struct{ error }

func (c topCommand) page() (*topPage, error) {
	at, err := url.Parse(c.URL)
	if err != nil || at.Host == "" || at.Scheme != "http" && at.Scheme != "https" {
		return nil, usageError{errors.New("--url: want http://HOST:PORT or https://HOST:PORT")}
	}
	p := &topPage{url: strings.TrimSuffix(at.String(), "/")}
	if c.TokenFile != "" {
		text, err := secret.Read(c.TokenFile)
		if err != nil {
			return nil, fmt.Errorf("--token-file: %w", err)
		}
		if at.Scheme == "http" && at.Hostname() != "localhost" && !strings.HasPrefix(at.Hostname(), "127.") && at.Hostname() != "::1" {
			return nil, usageError{errors.New("--token-file: a token goes over https, or to this machine")}
		}
		p.token = strings.TrimSpace(string(text))
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CA != "" {
		text, err := os.ReadFile(c.CA)
		if err != nil {
			return nil, fmt.Errorf("--ca: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("--ca: %s: no certificate in it", c.CA)
		}
	} else if at.Scheme == "https" {
		return nil, usageError{errors.New("--ca: required with https")}
	}
	if (c.Cert == "") != (c.Key == "") {
		return nil, usageError{errors.New("--cert and --key: both or neither")}
	}
	if c.Cert != "" {
		chain, err := os.ReadFile(c.Cert)
		if err != nil {
			return nil, fmt.Errorf("--cert: %w", err)
		}
		key, err := secret.Read(c.Key)
		if err != nil {
			return nil, fmt.Errorf("--key: %w", err)
		}
		own, err := tls.X509KeyPair(chain, key)
		if err != nil {
			return nil, fmt.Errorf("--cert and --key: %w", err)
		}
		config.Certificates = []tls.Certificate{own}
	}
	p.client = &http.Client{Transport: &http.Transport{TLSClientConfig: config, ResponseHeaderTimeout: topPatience}, // never by a proxy
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return p, nil
}

func (p *topPage) get(ctx context.Context, path string) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+path, nil)
	if err != nil {
		return nil, err
	}
	if p.token != "" {
		request.Header.Set("Authorization", "Bearer "+p.token)
	}
	answer, err := p.client.Do(request)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode == http.StatusOK {
		return answer.Body, nil
	}
	said, _ := io.ReadAll(io.LimitReader(answer.Body, 200))
	answer.Body.Close()
	err = fmt.Errorf("%s%s: %s: %s", p.url, path, answer.Status, strconv.QuoteToGraphic(strings.TrimSpace(string(said))))
	if answer.StatusCode >= 400 && answer.StatusCode < 500 {
		return nil, topDenied{err}
	}
	return nil, err
}

// once is the link as it is now.
func (p *topPage) once(ctx context.Context) (link status.Link, err error) {
	body, err := p.get(ctx, "/status.json")
	if err != nil {
		return link, err
	}
	defer body.Close()
	if err := json.NewDecoder(io.LimitReader(body, topLine)).Decode(&link); err != nil || link.Form != status.LinkForm {
		return link, fmt.Errorf("%s: this is not an operations page of this version", p.url)
	}
	return link, nil
}

// stream hands over each message of the page's stream until it ends.
func (p *topPage) stream(ctx context.Context, show func(status.Link)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	body, err := p.get(ctx, "/events")
	if err != nil {
		return err
	}
	defer body.Close()
	silence := time.AfterFunc(topStale, cancel)
	defer silence.Stop()
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, topLine)
	for lines.Scan() {
		silence.Reset(topStale)
		text, is := strings.CutPrefix(lines.Text(), "data: ")
		var link status.Link
		if is && json.Unmarshal([]byte(text), &link) == nil && link.Form == status.LinkForm {
			show(link)
		}
	}
	return lines.Err()
}

func isTerminal(w io.Writer) bool {
	file, is := w.(*os.File)
	if !is {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}
