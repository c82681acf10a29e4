package gossip

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
)

// memberLines are how the lines of serf's snapshot begin.
var memberLines = []string{"alive: ", "not-alive: ", "clock: ", "event-clock: ", "query-clock: ", "coordinate: ", "leave", "#"}

// checkMembersFile sees to it that serf's snapshot is one: serf would skip what it
// cannot read without naming the file. A file with anything else in it is put aside,
// and the log says so; the members are met again by joining. An unfinished last line
// is what a crash leaves behind, and serf's to pass over.
func checkMembersFile(path string, log *slog.Logger) error {
	if path == "" {
		return nil
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot read the members known before: %w; make the file readable for this user, or remove it", err)
	}
	lines := bytes.Split(text, []byte("\n"))
	foreign := 0
	for _, line := range lines[:len(lines)-1] {
		if len(line) > 0 && !isMemberLine(string(line)) {
			foreign++
		}
	}
	if foreign == 0 {
		return nil
	}
	aside := path + ".damaged"
	if err := os.Rename(path, aside); err != nil {
		return fmt.Errorf("%s holds %d lines that are not serf's, and cannot be put aside: %w; move it away", path, foreign, err)
	}
	log.Warn("the file of members known before was damaged or foreign: it is put aside, and members are met by joining",
		"file", path, "lines_not_understood", foreign, "saved_to", aside)
	return nil
}

func isMemberLine(line string) bool {
	for _, begin := range memberLines {
		if strings.HasPrefix(line, begin) {
			return true
		}
	}
	return false
}
