/** What `marginalia` exits with; the help text quotes this. */
export const EXIT = { ok: 0, failed: 1, usage: 2, outOfTime: 124, interrupted: 130, terminated: 143 } as const;

export const EXIT_HELP = `
Exit codes:
  0    done
  1    a notebook or a check failed, or there is no answer
  2    wrong usage, or an input that cannot be read; nothing was run
  124  no answer within the time limit
  130  interrupted (Ctrl-C); 143 when terminated`;
