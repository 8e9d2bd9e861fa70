package main

import (
	"github.com/nats-io/nats.go"

	"github.com/linkspan/linkspan/bridge/certs"
	"github.com/linkspan/linkspan/bridge/natsd"
)

// natsTLS is how a command reaches existing NATS servers, as the daemon does.
type natsTLS struct {
	Credentials string   `name:"creds" env:"LINKSPAN_NATS_CREDENTIALS" help:"Credentials file for the servers."`
	Plaintext   bool     `name:"nats-plaintext" env:"LINKSPAN_NATS_PLAINTEXT" help:"Servers without TLS, on this machine or in a test."`
	Cert        string   `env:"LINKSPAN_NATS_CERT" help:"Own certificate towards the servers."`
	CertKey     string   `name:"cert-key" env:"LINKSPAN_NATS_KEY" help:"Key of the certificate, readable by its owner only."`
	CA          string   `env:"LINKSPAN_NATS_CA" help:"Authorities of the servers' certificates."`
	ServerNames []string `env:"LINKSPAN_NATS_NAMES" help:"Names of which a server's certificate must have one."`
	Pins        string   `env:"LINKSPAN_NATS_PINS" help:"File of the servers' public keys, SHA-256 of each on a line."`
	CRL         []string `env:"LINKSPAN_NATS_CRL" help:"Revocation lists, one of every authority."`
}

// dial connects a command to the servers at urls.
func (c natsTLS) dial(urls, name string) (*nats.Conn, error) {
	servers, err := c.servers(urls)
	if err != nil {
		return nil, err
	}
	return natsd.ConnectExternal(servers, name)
}

// servers is how those at urls are reached.
func (c natsTLS) servers(urls string) (natsd.External, error) {
	servers := natsd.External{URLs: urls, Credentials: c.Credentials, AllowPlaintext: c.Plaintext}
	if !c.Plaintext {
		store, err := certs.Open(certs.Options{Use: "nats", Cert: c.Cert, Key: c.CertKey, CA: c.CA, Names: c.ServerNames, Pins: c.Pins, CRL: c.CRL})
		if err != nil {
			return servers, err
		}
		defer store.Close() // what was read stays in use
		servers.TLS, servers.Roots = store.Client(""), store.Roots
		if len(c.ServerNames) > 1 { // each server by its own name
			servers.TLS.ServerName = ""
		}
	}
	return servers, nil
}
