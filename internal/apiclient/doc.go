// Package apiclient speaks the HTTP API of one agent, for the command.
//
// It guarantees that an error tells apart an agent that cannot be reached
// (*UnreachableError), one that refuses (*StatusError) and a server that is no agent
// (any other error), and that a call ends when its context does.
//
// It covers what the command needs and nothing more, follows no blocking queries,
// and imports no other package of the project: it knows the API as it is on the wire.
package apiclient
