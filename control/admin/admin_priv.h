/* SPDX-License-Identifier: GPL-2.0-or-later */
/* admin_priv.h: what the files of the admin API share: admin.c (sockets, connections), admin_req.c
 * (requests), admin_auth.c (who may), admin_sock.c (making sockets). */
#ifndef LG_ADMIN_PRIV_H
#define LG_ADMIN_PRIV_H

#include "admin.h"
#include "admin_auth.h"

#include <microhttpd.h>
#include <sys/stat.h>

/* One socket we listen on, with libmicrohttpd's daemon behind it. A reload that changes something
 * about the management address makes a new end of it; the old one takes no new connections, and
 * goes when it has none any more. */
struct lg_admin_end {
    struct lg_admin *admin;    /* borrows: whose it is */
    struct MHD_Daemon *daemon; /* owns; NULL: this end is not there */
    bool is_local;             /* the unix socket: its mode says who may */
    bool is_retiring;
    struct lg_endpoint addr;   /* not of the local one, as all below */
    struct lg_admin_auth auth; /* owns */
    unsigned client_cnt;
};

/* A connection, as long as it is there; its slot is libmicrohttpd's socket context. */
struct lg_admin_conn {
    struct MHD_Connection *mhd; /* NULL: free */
    lg_ns_t since_ns;           /* its begin, or the end of its last request */
};

#define LG_ADMIN_ENDS 6 /* the local one, the net's, and older ones of it */

struct lg_admin {
    struct lg_admin_cfg cfg;
    int epoll_fd; /* of the daemons' own, nested */
    lg_ns_t now_ns;
    unsigned done_cnt;  /* requests carried out since the last poll began */
    lg_ns_t refused_ns; /* when a refusal was last logged */
    uint64_t refused_cnt;
    struct lg_admin_end ends[LG_ADMIN_ENDS];
    struct lg_admin_end *net; /* the one of the address; NULL: none */
    char *path;               /* owns; of the unix socket, NULL: none */
    struct stat st;           /* of the path when it was ours */
    struct lg_admin_conn conns[LG_ADMIN_ENDS * LG_ADMIN_CLIENTS];
};

/* lg_admin_access and lg_admin_completed are libmicrohttpd's callbacks for requests; cls is a
 * struct lg_admin_end. */
enum MHD_Result lg_admin_access(void *cls, struct MHD_Connection *conn, const char *url,
                                const char *method, const char *version, const char *data,
                                size_t *data_sz, void **req);
void lg_admin_completed(void *cls, struct MHD_Connection *conn, void **req,
                        enum MHD_RequestTerminationCode how);

/* lg_admin_listen makes a listening unix socket of mode 0600 at path, as lg_admin_open says.
 *   fd       on LG_OK: the caller's; non-blocking */
LG_MUST lg_err_t lg_admin_listen(const char *path, int *fd, struct lg_diag *diag);
/* lg_admin_listen_at makes a listening TCP socket of the kernel's. */
LG_MUST lg_err_t lg_admin_listen_at(const struct lg_config *cfg, int *fd, struct lg_diag *diag);

#endif
