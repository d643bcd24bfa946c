/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* check_admin.c: nobody reaches the management address without showing who he is. */
#include "check.h"

static bool is_loopback(const lg_ip_t *ip)
{
    static const lg_ip_t v6 = {{[15] = 1}};

    return lg_ip_is_v4(ip) ? ip->b[12] == 127 : lg_ip_eq(ip, &v6);
}

static void check_address(struct lg_check *c, struct lg_node *address)
{
    const struct lg_cfg_admin *a = &c->cfg->admin;
    const struct lg_cfg_port *port = c->has_net ? lg_check_owner(c->cfg, &a->addr.ip) : NULL;
    char text[LG_IP_STR_SZ];

    if (port)
        lg_check_error(c, address, "admin.address",
                       "%s is Lockgate's own address on port \"%s\"; expected one of the kernel's",
                       lg_ip_text(&a->addr.ip, text), port->name);
}

static void check_tls(struct lg_check *c, struct lg_node *tls)
{
    static const char *const needed[] = {"cert", "key"};

    for (size_t i = 0; i < LG_ARRAY_CNT(needed); i++)
        if (!lg_node_find(tls, needed[i]))
            lg_check_error(c, tls, "admin.tls", "\"%s\" is missing: a PEM file for the server's %s",
                           needed[i], i == 0 ? "certificate" : "private key");
}

void lg_check_admin(struct lg_check *c)
{
    struct lg_node *admin = lg_node_find(c->root, "admin");
    struct lg_node *address = lg_node_find(admin, "address"), *tls = lg_node_find(admin, "tls");
    struct lg_node *token = lg_node_find(admin, "token_file");

    c->cfg->admin.on = address != NULL;
    if (!admin || admin->is_bad)
        return;
    if (!address)
        lg_check_error(c, admin, "admin", "\"address\" is missing: where to serve the admin API");
    if (lg_is_good(address))
        check_address(c, address);
    if (lg_is_good(tls))
        check_tls(c, tls);
    if (!token && !lg_node_find(tls, "client_ca"))
        lg_check_error(c, admin, "admin",
                       "whoever reaches that address could steer this Lockgate, from this machine "
                       "too; give token_file, or tls with client_ca");
    else if (!tls && lg_is_good(address) && !is_loopback(&c->cfg->admin.addr.ip))
        lg_check_warn(c, admin, "admin",
                      "without tls the token crosses the network in clear, and whoever reads it "
                      "can steer this Lockgate");
}
