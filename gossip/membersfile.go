package gossip

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"time"
)

// memberLines are how the lines of serf's snapshot begin.
var memberLines = []string{"alive: ", "not-alive: ", "clock: ", "event-clock: ", "query-clock: ", "coordinate: ", "leave", "#"}

// checkMembersFile sees to it that serf's snapshot is one: serf would skip what it
// cannot read without naming the file. A file with anything else in it is put aside,
// and the log says so; the members are met again by joining. An unfinished last line,
// as a crash leaves behind, is cut off, lest serf go on writing behind it.
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
	end := bytes.LastIndexByte(text, '\n') + 1
	foreign := 0
	for line := range bytes.Lines(text[:end]) {
		if line = bytes.TrimSuffix(line, []byte("\n")); len(line) > 0 && !isMemberLine(string(line)) {
			foreign++
		}
	}
	tail := string(text[end:])
	if tail != "" && !isMemberLine(tail) && !beginsMemberLine(tail) {
		foreign++
	}
	if foreign == 0 && tail == "" {
		return nil
	}
	if foreign == 0 {
		if err := os.Truncate(path, int64(end)); err != nil {
			return fmt.Errorf("cannot cut the unfinished last line from the members known before: %w", err)
		}
		return nil
	}
	aside := asideName(path)
	if err := os.Rename(path, aside); err != nil {
		return fmt.Errorf("%s holds %d lines that are not serf's, and cannot be put aside: %w; move it away", path, foreign, err)
	}
	log.Warn("the file of members known before was damaged or foreign: it is put aside, and members are met by joining",
		"file", path, "lines_not_understood", foreign, "saved_to", aside)
	return nil
}

// asideName is where a file that is not ours is put, and kept from then on.
func asideName(path string) string {
	return path + ".aside-" + time.Now().UTC().Format("20060102T150405.000")
}

// beginsMemberLine reports whether text is cut off within the word that begins a line.
func beginsMemberLine(text string) bool {
	for _, begin := range memberLines {
		if strings.HasPrefix(begin, text) {
			return true
		}
	}
	return false
}

func isMemberLine(line string) bool {
	for _, begin := range memberLines {
		if strings.HasPrefix(line, begin) {
			return true
		}
	}
	return false
}
