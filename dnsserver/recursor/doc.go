// Package recursor asks recursive name servers about names that are not our own.
//
// It guarantees:
//
//   - Each question leaves from a socket of its own with a random id and its letters in
//     random case (draft-vixie-dnsext-dns0x20); a reply counts only if it comes from the
//     server asked and repeats id and question to the letter. RFC 5452.
//   - The same question is on its way once, whoever asks it meanwhile: guessing gets no
//     more chances, and a question that comes back to us multiplies nothing.
//   - What a reply holds beyond its question is dropped: records of other names than the
//     one asked and those its aliases lead to, and whatever it says about our own names.
//   - An answer or an error comes within the timeout of each server, one after the other,
//     and at once after Close.
//
// It does not cache, does not validate DNSSEC, and does not follow aliases: the servers
// do that.
package recursor
