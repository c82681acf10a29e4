package fault

import (
	"strings"
	"testing"
)

func TestAListSaysItsFirstFaultsAndHowManyMore(t *testing.T) {
	var l List
	if l.Err() != nil {
		t.Error("an empty list is an error")
	}
	for n := 1; n <= 1000; n++ {
		l.Field("f", "fault %d", n)
		text, more := l.Err().Error(), strings.Count(l.Err().Error(), "; ")
		switch {
		case n <= maxSaid && (more != n-1 || strings.Contains(text, "more")):
			t.Fatalf("of %d: %s", n, text)
		case n > maxSaid && (more != maxSaid || !strings.HasSuffix(text, " more")):
			t.Fatalf("of %d: %s", n, text)
		}
	}
	if text := l.Err().Error(); !strings.HasSuffix(text, "f: fault 20; and 980 more") || KindOf(l.Err()) != Invalid {
		t.Error(text)
	}
}
