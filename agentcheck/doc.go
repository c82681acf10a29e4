// Package agentcheck serves HAProxy's agent-check protocol (configuration manual,
// "agent-check"), so that a HAProxy whose servers are written in its configuration follows
// the catalogue all the same: how each instance is, and which part of its weight it is to
// have.
//
// A client sends a line, SERVICE/ID or SERVICE/ID@NODE, and is answered with one:
//
//	up ready 75%
//	up drain            its node is in maintenance or drains, or it drains by its own word
//	up maint            the instance itself is in maintenance
//	down ready #reason  it is critical, on a failed host, or unknown
//	up ready 0% #reason it is well, but not answered to this host
//
// Weights are those of DNS on this host, in percent of the weight that is registered for
// passing. A line says all there is to say, so that one that was missed does no harm. What
// cannot be read is answered with a remark, which changes nothing.
//
// The protocol has no authentication: whoever reaches the port learns what DNS tells too.
package agentcheck
