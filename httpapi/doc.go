// Package httpapi serves Consul's discovery API over HTTP, so that clients written
// for Consul speak to a Covey agent unchanged: registering on the agent, reading
// services, nodes and their health, and blocking until one of these changes.
//
// It guarantees:
//
//   - A read is answered from one catalogue view. Its X-Consul-Index is never 0,
//     never goes back, and moves only when what was asked for may have changed.
//   - A blocked read is woken by the watch of what it asked for and by nothing else,
//     ends at its wait, when its client goes or when the server closes, and there
//     are never more of them than Config.MaxWaiting.
//   - What a request may cost is bounded: connections, in all and by client, header and body sizes, and the
//     time a peer may take to send or to receive.
//   - Where there are tokens, each request wants one whose role allows it.
//   - A web page cannot drive the API: foreign Host names and cross-site writes are
//     refused.
//   - Lists in an answer are never null, and errors are plain text that say what was
//     wrong and with which field.
//
// It keeps nothing: registrations are the Agent's, reads the catalogue's. It offers
// no key/value store, sessions, ACLs, Connect or namespaces, and says so on their paths.
// It speaks HTTP/1, with TLS or without.
package httpapi
