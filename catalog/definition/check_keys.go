// The keys of a check definition and what each may hold.

package definition

import (
	"fmt"
	"iter"
	"maps"
	"math"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"covey/catalog"
	"covey/catalog/definition/strict"
)

// checkDraft is a check before its defaults.
type checkDraft struct {
	Check
	checkID string // the key CheckID, which is another word for ID
	spoilt  bool   // its kind was given but cannot be used, which is a fault already
}

const (
	maxURL      = 4096
	maxBody     = 64 << 10
	maxHeaders  = 64
	maxDuration = 10 * 365 * 24 * time.Hour // so that sums of them do not overflow
)

var checkKeys = strict.NewTable(
	checkKey("ID", func(d *checkDraft, v strict.Value) { readID(&d.ID, v) }),
	checkKey("CheckID", func(d *checkDraft, v strict.Value) { readID(&d.checkID, v) }),
	checkKey("Name", func(d *checkDraft, v strict.Value) { readID(&d.Name, v) }),
	checkKey("ServiceID", func(d *checkDraft, v strict.Value) { readID(&d.ServiceID, v) }),
	checkKey("Notes", func(d *checkDraft, v strict.Value) {
		v.Text(&d.Notes)
		v.Check(checkProse(d.Notes, catalog.MaxNotes))
	}),
	checkKey("Status", readStatus),

	checkKey("HTTP", func(d *checkDraft, v strict.Value) {
		if v.Text(&d.HTTP) && d.HTTP != "" {
			v.Check(checkURL(d.HTTP))
		}
		d.spoilt = d.spoilt || d.HTTP == "" && !v.Empty()
	}),
	checkKey("TCP", func(d *checkDraft, v strict.Value) {
		if v.Text(&d.TCP) && d.TCP != "" {
			v.Check(checkTarget(d.TCP))
		}
		d.spoilt = d.spoilt || d.TCP == "" && !v.Empty()
	}),
	checkKey("Hold", func(d *checkDraft, v strict.Value) {
		if v.Text(&d.Hold) && d.Hold != "" {
			v.Check(checkTarget(d.Hold))
		}
		d.spoilt = d.spoilt || d.Hold == "" && !v.Empty()
	}),
	checkKey("Process", func(d *checkDraft, v strict.Value) {
		readProcess(d, v)
		d.spoilt = d.spoilt || d.Process == "" && !v.Empty()
	}),
	checkKey("TTL", func(d *checkDraft, v strict.Value) {
		read := readPeriod(&d.TTL, v)
		d.spoilt = d.spoilt || !read && !v.Empty()
	}),

	checkKey("Method", func(d *checkDraft, v strict.Value) {
		if v.Text(&d.Method) && d.Method != "" && !isToken(d.Method) {
			v.Fault("%q is no HTTP method", d.Method)
		}
	}),
	checkKey("Header", readHeader),
	checkKey("Body", func(d *checkDraft, v strict.Value) {
		v.Text(&d.Body)
		if len(d.Body) > maxBody {
			v.Fault("is longer than %d bytes", maxBody)
		}
		if !utf8.ValidString(d.Body) {
			v.Fault("is not UTF-8")
		}
	}),
	checkKey("DisableRedirects", func(d *checkDraft, v strict.Value) { v.Bool(&d.DisableRedirects) }),
	checkKey("TLSSkipVerify", func(d *checkDraft, v strict.Value) { v.Bool(&d.TLSSkipVerify) }),
	checkKey("TLSServerName", func(d *checkDraft, v strict.Value) {
		if v.Text(&d.TLSServerName) && d.TLSServerName != "" {
			v.Check(catalog.CheckHostName(d.TLSServerName))
		}
	}),

	checkKey("Interval", func(d *checkDraft, v strict.Value) { readPeriod(&d.Interval, v) }),
	checkKey("Timeout", func(d *checkDraft, v strict.Value) { readDuration(&d.Timeout, v, MaxTimeout) }),
	checkKey("SuccessBeforePassing", func(d *checkDraft, v strict.Value) { readCount(&d.SuccessBeforePassing, v) }),
	checkKey("FailuresBeforeWarning", func(d *checkDraft, v strict.Value) { readCount(&d.FailuresBeforeWarning, v) }),
	checkKey("FailuresBeforeCritical", func(d *checkDraft, v strict.Value) { readCount(&d.FailuresBeforeCritical, v) }),
	checkKey("DeregisterCriticalServiceAfter", func(d *checkDraft, v strict.Value) {
		readDuration(&d.DeregisterCriticalServiceAfter, v, maxDuration)
	}),

	checkKey("GRPC", absent("gRPC checks are not there yet")),
	checkKey("GRPCUseTLS", absent("gRPC checks are not there yet")),
	checkKey("UDP", absent("UDP checks are not there yet")),
	checkKey("H2PING", absent("HTTP/2 ping checks are not there yet")),
	checkKey("H2PingUseTLS", absent("HTTP/2 ping checks are not there yet")),
	checkKey("TCPUseTLS", absent("TLS over a TCP check is not there yet; an HTTP check of an https URL is")),
	checkKey("OSService", absent("checks of the operating system's services are not there yet")),
	checkKey("DockerContainerID", absent("checks within a container are not there yet")),
	checkKey("Shell", absent("checks within a container are not there yet")),
	checkKey("AliasNode", absent("alias checks are not there yet")),
	checkKey("AliasService", absent("alias checks are not there yet")),
	checkKey("Args", absent(noScripts), "ScriptArgs", "Script"),

	checkKey("OutputMaxSize", func(d *checkDraft, v strict.Value) { // it is catalog.MaxOutput for all
		var ignored int
		v.Int(&ignored, 0, math.MaxInt32)
	}),
	checkKey("Token", func(*checkDraft, strict.Value) {}), // there is no ACL: any token will do
	checkKey("Namespace", func(_ *checkDraft, v strict.Value) { refuse("Covey has no namespaces")(nil, v) }),
	checkKey("Partition", func(_ *checkDraft, v strict.Value) { refuse("Covey has no partitions")(nil, v) }),
)

const noScripts = "script checks are refused over the API, and are not there yet in files"

func checkKey(name string, read func(*checkDraft, strict.Value), also ...string) strict.Key[checkDraft] {
	return strict.Key[checkDraft]{Name: name, Also: also, Read: read}
}

// absent refuses what belongs to a kind of check that is not there.
func absent(why string) func(*checkDraft, strict.Value) {
	return func(d *checkDraft, v strict.Value) {
		if !v.Empty() {
			v.Fault("%s; the kinds there are: %s", why, kindKeys())
			d.spoilt = true
		}
	}
}

// checkProse is catalog.CheckText for what may have several lines.
func checkProse(text string, limit int) error {
	return catalog.CheckText(strings.NewReplacer("\n", " ", "\r", " ", "\t", " ").Replace(text), limit)
}

func readID(into *string, v strict.Value) {
	v.Text(into)
	v.Check(catalog.CheckText(*into, catalog.MaxIDLen))
}

func readStatus(d *checkDraft, v strict.Value) {
	var word string
	if v.Text(&word) && word != "" {
		status, err := catalog.ParseStatus(word)
		v.Check(err)
		d.Status = status
	}
}

// readPeriod reads a duration that is 0 for none or else at least MinInterval: less is
// a number of seconds taken for nanoseconds, and would keep a core busy.
func readPeriod(into *time.Duration, v strict.Value) bool {
	read := readDuration(into, v, maxDuration)
	if 0 < *into && *into < MinInterval {
		v.Fault("%v is shorter than %v; give the unit, such as \"10s\"", *into, MinInterval)
	}
	return read
}

func readDuration(into *time.Duration, v strict.Value, most time.Duration) bool {
	read := v.Duration(into)
	switch {
	case *into < 0:
		v.Fault("%v is less than 0", *into)
	case *into > most:
		v.Fault("%v is longer than %v", *into, most)
	}
	return read
}

// readProcess reads a process ID, as a number or as text, or the path of a file.
func readProcess(d *checkDraft, v strict.Value) {
	if v.IsNumber() {
		var pid int
		if v.Int(&pid, 1, math.MaxInt32); pid > 0 {
			d.Process = strconv.Itoa(pid)
		}
		return
	}
	if !v.Text(&d.Process) || d.Process == "" || strings.HasPrefix(d.Process, "/") {
		v.Check(catalog.CheckText(d.Process, maxURL))
		return
	}
	if n, err := strconv.ParseUint(d.Process, 10, 31); err != nil || n == 0 {
		v.Fault("%q is neither a process ID nor the whole path of a file that holds one, such as /run/web.pid", d.Process)
	}
}

func readCount(into *int, v strict.Value) { v.Int(into, 0, math.MaxUint16) }

func readHeader(d *checkDraft, v strict.Value) {
	for name, member := range v.Members() {
		var values []string
		member.Texts(&values)
		if !isToken(name) {
			member.Fault("%q is no name of an HTTP header", name)
		}
		for _, text := range values {
			member.Check(catalog.CheckText(text, maxURL))
		}
		if d.Header == nil {
			d.Header = map[string][]string{}
		}
		d.Header[name] = values
	}
	if len(d.Header) > maxHeaders {
		v.Fault("has %d headers, may have %d", len(d.Header), maxHeaders)
	}
}

// isToken reports whether s is a token as RFC 9110 section 5.6.2 has it.
func isToken(s string) bool {
	return s != "" && len(s) <= catalog.MaxIDLen && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r > '~' || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	})
}

func checkURL(text string) error {
	if err := catalog.CheckText(text, maxURL); err != nil {
		return err
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return fmt.Errorf("%q is not a whole URL such as http://127.0.0.1:8080/health", text)
	}
	if u.Port() != "" || strings.HasSuffix(u.Host, ":") {
		return checkPort(u.Port())
	}
	return nil
}

// checkTarget says what keeps text from being the host:port of something to dial.
func checkTarget(text string) error {
	host, port, err := net.SplitHostPort(text)
	if err != nil || host == "" {
		return fmt.Errorf("%q is not host:port, such as 127.0.0.1:8080", text)
	}
	if _, err := netip.ParseAddr(host); err != nil {
		if err := catalog.CheckAddress(host); err != nil {
			return err
		}
	}
	return checkPort(port)
}

func checkPort(text string) error {
	if n, err := strconv.ParseUint(text, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("port %q is not in 1..%d", text, maxPort)
	}
	return nil
}

// sorted yields a map by key.
func sorted[V any](m map[string]V) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for _, key := range slices.Sorted(maps.Keys(m)) {
			if !yield(key, m[key]) {
				return
			}
		}
	}
}
