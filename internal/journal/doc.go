// Package journal is an append-only log of opaque records in one file: where an agent
// keeps what it has promised not to lose.
//
// It guarantees:
//
//   - A record whose durable Append returned nil is replayed by every later Open, in
//     order, after a kill -9 and after a power cut.
//   - Open replays nothing that was not appended. What it cannot read it reports in
//     Recovery, and unless that is a mere unfinished tail it saves the damaged file
//     aside before it changes anything.
//   - A file that is no log is never written to.
//   - An Append that fails leaves no trace in the file as far as the disk still obeys.
//
// The file is a header of eight bytes, then records:
//
//	length of the payload  uint32, little endian
//	checksum               uint32, little endian: CRC-32C of the length's bytes and the payload
//	payload
//
// A payload that itself holds a framed record could be taken for one if the record
// around it is damaged; records here are not logs.
//
// It does not lock the file: one process, and in it one goroutine at a time, may have
// it open. It knows nothing of what records mean; when to Compact is the caller's
// decision, by Size.
package journal
