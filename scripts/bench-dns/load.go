package main

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// cost is what one run of dnsperf found.
type cost struct {
	micros    float64 // of the server's CPU time for each question
	perSecond float64
	mean      time.Duration // until the answer
	latest    time.Duration
}

type costs []cost

func (c costs) sorted(of func(cost) float64) []float64 {
	out := make([]float64, len(c))
	for i := range c {
		out[i] = of(c[i])
	}
	slices.Sort(out)
	return out
}

func (c costs) cpu() float64 {
	s := c.sorted(func(c cost) float64 { return c.micros })
	return s[len(s)/2]
}

func (c costs) rate() float64 {
	s := c.sorted(func(c cost) float64 { return c.perSecond })
	return s[len(s)/2]
}

func (c costs) String() string {
	s := c.sorted(func(c cost) float64 { return c.micros })
	return fmt.Sprintf("%.2f us (%.2f, %.2f)", s[len(s)/2], s[0], s[len(s)-1])
}

// load has dnsperf ask a server, with at most so many questions a second if that is
// not 0. A question that is lost is an error.
func (b *bench) load(s server, file string, rate int) (cost, error) {
	seconds := strconv.Itoa(int(b.time.Round(time.Second).Seconds()))
	args := []string{"-s", s.ip, "-p", strconv.Itoa(s.port), "-d", file, "-l", seconds, "-e",
		"-c", "4", "-T", "1", "-b", "4096", "-q", strconv.Itoa(b.outstanding), "-t", "2"}
	if rate > 0 {
		args = append(args, "-Q", strconv.Itoa(rate))
	}
	before, err := s.cpuTime()
	if err != nil {
		return cost{}, err
	}
	out, err := exec.Command("dnsperf", args...).CombinedOutput()
	if err != nil {
		return cost{}, fmt.Errorf("dnsperf: %w\n%s", err, out)
	}
	after, err := s.cpuTime()
	if err != nil {
		return cost{}, err
	}
	asked, lost := figure(out, `Queries completed:\s+(\d+)`), figure(out, `Queries lost:\s+(\d+)`)
	if asked == 0 || lost > 0 || !strings.Contains(string(out), "NOERROR "+strconv.Itoa(int(asked))) {
		return cost{}, fmt.Errorf("not all questions were answered:\n%s", out)
	}
	return cost{
		micros:    float64((after - before).Microseconds()) / asked,
		perSecond: figure(out, `Queries per second:\s+([\d.]+)`),
		mean:      seconds64(figure(out, `Average Latency \(s\):\s+([\d.]+)`)),
		latest:    seconds64(figure(out, `max ([\d.]+)`)),
	}, nil
}

func seconds64(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// figure finds a number in dnsperf's report, 0 if it is not there.
func figure(out []byte, pattern string) float64 {
	m := regexp.MustCompile(pattern).FindSubmatch(out)
	if m == nil {
		return 0
	}
	f, _ := strconv.ParseFloat(string(m[1]), 64) // of digits
	return f
}

// ticks of /proc/PID/stat are hundredths of a second on every Linux (proc_pid_stat(5)).
const tick = 10 * time.Millisecond

// cpuTime is what the processes of a server have used.
func (s *server) cpuTime() (total time.Duration, err error) {
	for _, pid := range s.processes() {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return 0, err
		}
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		for _, field := range fields[11:13] { // utime, stime
			n, err := strconv.ParseInt(field, 10, 64)
			if err != nil {
				return 0, fmt.Errorf("reading the CPU time of process %d: %w", pid, err)
			}
			total += time.Duration(n) * tick
		}
	}
	return total, nil
}

// processes are the server's and its children's.
func (s *server) processes() []int {
	pids := []int{s.pid()}
	for i := 0; i < len(pids); i++ {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pids[i], pids[i]))
		if err != nil {
			continue // the kernel does not tell
		}
		for _, word := range strings.Fields(string(text)) {
			if pid, err := strconv.Atoi(word); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}
