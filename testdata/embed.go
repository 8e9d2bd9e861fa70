// Package testdata holds the synthetic patients, requests and goldens. Every
// person in it is invented and every NHS number is of the test range. It is a
// package so that `linkspan demo` carries its patients with it.
package testdata

import "embed"

// Patients has a folder for each synthetic patient with their record in each
// native format.
//
//go:embed patients
var Patients embed.FS

// Requests has native requests as the two systems send them.
//
//go:embed requests
var Requests embed.FS
