package boot

// CertificateFile is certificateFile, for tests.
func CertificateFile(secret []byte) ([]byte, string) { return certificateFile(secret) }
