// The keys of a check definition and what each may hold.

package definition

import (
	"cmp"
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
	maxArgs     = 256
	maxSend     = 1024
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

	targetKey("HTTP", func(d *checkDraft) *string { return &d.HTTP }, checkURL),
	targetKey("TCP", func(d *checkDraft) *string { return &d.TCP }, checkTarget),
	targetKey("UDP", func(d *checkDraft) *string { return &d.UDP }, checkTarget),
	targetKey("Hold", func(d *checkDraft) *string { return &d.Hold }, checkTarget),
	targetKey("AgentCheck", func(d *checkDraft) *string { return &d.AgentCheck }, checkTarget),
	checkKey("AgentSend", readAgentSend),
	targetKey("H2PING", func(d *checkDraft) *string { return &d.H2PING }, checkTarget),
	targetKey("GRPC", func(d *checkDraft) *string { return &d.GRPC }, func(text string) error {
		target, service, _ := strings.Cut(text, "/")
		return cmp.Or(checkTarget(target), catalog.CheckText(service, catalog.MaxIDLen))
	}),
	targetKey("OSService", func(d *checkDraft) *string { return &d.OSService }, checkUnit),
	targetKey("AliasService", func(d *checkDraft) *string { return &d.AliasService }, func(text string) error {
		return catalog.CheckText(text, maxServiceID)
	}),
	targetKey("AliasNode", func(d *checkDraft) *string { return &d.AliasNode }, catalog.CheckHostName),
	targetKey("DockerContainerID", func(d *checkDraft) *string { return &d.DockerContainerID }, checkContainer),
	checkKey("Shell", func(d *checkDraft, v strict.Value) {
		v.Text(&d.Shell)
		v.Check(catalog.CheckText(d.Shell, maxURL))
	}),
	checkKey("Args", readArgs, "ScriptArgs"),
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

	checkKey("GRPCUseTLS", func(d *checkDraft, v strict.Value) { v.Bool(&d.GRPCUseTLS) }),
	checkKey("TCPUseTLS", func(d *checkDraft, v strict.Value) { v.Bool(&d.TCPUseTLS) }),
	checkKey("H2PingUseTLS", func(d *checkDraft, v strict.Value) {
		on := true
		v.Bool(&on)
		d.H2PingUseTLS = &on
	}),
	checkKey("Script", func(d *checkDraft, v strict.Value) {
		if !v.Empty() {
			v.Fault("is not there: write args = [\"/bin/sh\", \"-c\", ...]")
			d.spoilt = true
		}
	}),
	checkKey("OutputMaxSize", func(d *checkDraft, v strict.Value) { // what is more than travels is as good as that
		v.Int(&d.OutputMaxSize, 0, math.MaxInt32)
		if d.OutputMaxSize >= catalog.MaxOutput {
			d.OutputMaxSize = 0
		}
	}),
	checkKey("Token", func(*checkDraft, strict.Value) {}), // there is no ACL: any token will do
	checkKey("Namespace", func(_ *checkDraft, v strict.Value) { refuse("Covey has no namespaces")(nil, v) }),
	checkKey("Partition", func(_ *checkDraft, v strict.Value) { refuse("Covey has no partitions")(nil, v) }),
)

func checkKey(name string, read func(*checkDraft, strict.Value), also ...string) strict.Key[checkDraft] {
	return strict.Key[checkDraft]{Name: name, Also: also, Read: read}
}

// targetKey is the key of a kind of check, whose value says what to check.
func targetKey(name string, field func(*checkDraft) *string, check func(string) error) strict.Key[checkDraft] {
	return checkKey(name, func(d *checkDraft, v strict.Value) {
		into := field(d)
		if v.Text(into) && *into != "" {
			v.Check(check(*into))
		}
		d.spoilt = d.spoilt || *into == "" && !v.Empty()
	})
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

// readArgs reads a program and its arguments. They may hold anything but NUL, which
// ends a string for the system.
func readArgs(d *checkDraft, v strict.Value) {
	v.Texts(&d.Args)
	total := 0
	for _, arg := range d.Args {
		total += len(arg)
		if strings.ContainsRune(arg, 0) || !utf8.ValidString(arg) {
			v.Fault("%.64q is not UTF-8, or holds a NUL", arg)
		}
	}
	switch {
	case len(d.Args) == 0:
		d.Args, d.spoilt = nil, d.spoilt || !v.Empty()
	case d.Args[0] == "":
		v.Fault("begins with \"\", which is no program")
	case len(d.Args) > maxArgs || total > maxBody:
		v.Fault("are %d with %d bytes, may be %d with %d", len(d.Args), total, maxArgs, maxBody)
	}
}

// readAgentSend reads what an agent is sent. Any characters may stand in it, since most
// agents wait for the end of a line.
func readAgentSend(d *checkDraft, v strict.Value) {
	v.Text(&d.AgentSend)
	switch {
	case len(d.AgentSend) > maxSend:
		v.Fault("is longer than %d bytes", maxSend)
	case !utf8.ValidString(d.AgentSend):
		v.Fault("is not UTF-8")
	}
}

// checkUnit says what keeps text from being the name of a systemd unit (systemd.unit(5)).
// The type may be left out.
func checkUnit(text string) error {
	strange := func(r rune) bool {
		return !('a' <= r|0x20 && r|0x20 <= 'z' || '0' <= r && r <= '9' || strings.ContainsRune(`:-_.\@`, r))
	}
	if len(text) > catalog.MaxIDLen || text[0] == '-' || text[0] == '.' || strings.ContainsFunc(text, strange) {
		return fmt.Errorf("%.64q is no name of a systemd unit, such as nginx.service", text)
	}
	return nil
}

// checkContainer says what keeps text from being the ID or the name of a container.
func checkContainer(text string) error {
	strange := func(r rune) bool {
		return !('a' <= r|0x20 && r|0x20 <= 'z' || '0' <= r && r <= '9' || strings.ContainsRune("_.-", r))
	}
	if len(text) > catalog.MaxIDLen || text[0] == '-' || text[0] == '.' || strings.ContainsFunc(text, strange) {
		return fmt.Errorf("%.64q is no ID or name of a container", text)
	}
	return nil
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
