// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sends standard input as it is to a Unix socket, over one or more connections
 * that are all open at once, and prints the first reply on the first of them,
 * up to its NUL.
 *
 * usage: raw-call SOCKET [CONNECTIONS]
 * exit status: 0 a reply came, 1 it hung up without one, 2 usage or no
 * connection, 3 it has said nothing for some seconds.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define INPUT_MAX (8U << 20)
#define CONNECTIONS_MAX 1000
#define SILENCE_MS 5000

static int connect_to(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || strlen(path) >= sizeof(addr.sun_path))
		return -1;
	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		fprintf(stderr, "raw-call: %s: %s\n", path, strerror(errno));
		(void)close(fd);
		return -1;
	}
	return fd;
}

/* Who hangs up in the middle or does not read has got enough of it. */
static void send_what_fits(int fd, const char *text, size_t len)
{
	struct pollfd writable = { .fd = fd, .events = POLLOUT };

	while (len && poll(&writable, 1, SILENCE_MS) == 1) {
		ssize_t n = send(fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno != EAGAIN)
			return;
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
}

static int print_reply(int fd)
{
	struct pollfd readable = { .fd = fd, .events = POLLIN };
	char text[4096];
	int status = 1;

	for (;;) {
		ssize_t n;
		char *end;

		if (poll(&readable, 1, SILENCE_MS) != 1)
			return 3;
		n = recv(fd, text, sizeof(text), 0);
		if (n <= 0)
			return status;
		status = 0;
		end = memchr(text, '\0', (size_t)n);
		fwrite(text, 1, end ? (size_t)(end - text) : (size_t)n, stdout);
		if (end)
			return 0;
	}
}

int main(int argc, char **argv)
{
	int count = argc > 2 ? atoi(argv[2]) : 1;
	char *text = malloc(INPUT_MAX);
	int fds[CONNECTIONS_MAX];
	size_t len;

	if (argc < 2 || count < 1 || count > CONNECTIONS_MAX || !text) {
		fputs("usage: raw-call SOCKET [CONNECTIONS]\n", stderr);
		return 2;
	}
	len = fread(text, 1, INPUT_MAX, stdin);
	for (int i = 0; i < count; i++) {
		fds[i] = connect_to(argv[1]);
		if (fds[i] < 0)
			return 2;
	}
	for (int i = 0; i < count; i++)
		send_what_fits(fds[i], text, len);
	free(text);
	return print_reply(fds[0]);
}
