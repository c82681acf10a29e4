//go:build race

package dnsserver

const raced = true
