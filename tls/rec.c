/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rec.c: records of an open connection: the engine's, or wolfSSL's where its object was kept. */
#include "tls_priv.h"

lg_err_t lg_rec_rx(struct lg_tls *t, struct lg_bufq *plain, uint32_t max)
{
    return t->ssl ? lg_rec_wolf_rx(t, plain, max) : lg_rec_mb_rx(t, plain, max);
}

lg_err_t lg_rec_tx(struct lg_tls *t, struct lg_bufq *plain, uint32_t max)
{
    return t->ssl ? lg_rec_wolf_tx(t, plain, max) : lg_rec_mb_tx(t, plain, max);
}

bool lg_rec_pending(const struct lg_tls *t)
{
    return t->ssl ? lg_rec_wolf_pending(t) : t->rec.ready.bytes > 0;
}

void lg_rec_shutdown(struct lg_tls *t)
{
    if (t->ssl)
        lg_rec_wolf_shutdown(t);
    else
        (void)lg_rec_alert(t, LG_ALERT_LEVEL_WARNING, LG_ALERT_CLOSE_NOTIFY);
}

void lg_rec_refuse(struct lg_tls *t, uint8_t alert)
{
    /* After our close_notify nothing more may be said. */
    if (!t->shut &&
        (t->ssl ? lg_rec_wolf_refuse(t, alert) : lg_rec_alert(t, LG_ALERT_LEVEL_FATAL, alert)))
        t->info.alert_sent = alert;
    t->mute = true;
    t->step = LG_STEP_FAILED;
}

void lg_rec_fini(struct lg_tls *t)
{
    if (t->rec.taken)
        lg_bufq_drop_all(&t->rec.ready);
    lg_keys_wipe(&t->rec.rx, t->core->aead);
    lg_keys_wipe(&t->rec.tx, t->core->aead);
}
