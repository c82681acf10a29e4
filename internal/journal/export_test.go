package journal

// ReplaceClosed makes l replace its file as it does where an open one cannot be.
func (l *Log) ReplaceClosed() { l.closeFirst = true }
