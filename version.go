package payonce

// version goes into the User-Agent header.
const version = "0.1.0"
