namespace MergeTasks.Merging.Reporting;

/// <summary>The page's style: dark and light by the reader's choice, light on paper; colours tell models apart for most eyes.</summary>
internal static class ReportStyle
{
    /// <summary>Number of colours for models; more than these begin again, with other dashes.</summary>
    public const int Colours = 8;

    /// <summary>Number of shades of a cell.</summary>
    public const int Shades = 9;

    /// <summary>The style sheet.</summary>
    public static string Text { get; } = """
        :root{color-scheme:light dark;--ink:#1c1e21;--dim:#5c6370;--line:#d5d9e0;--paper:#fff;--box:#f4f6f9;--warm:#d1495b;--cool:#2f6fb0;
        --c0:#2f6fb0;--c1:#d1495b;--c2:#2e8b57;--c3:#b8860b;--c4:#7b52ab;--c5:#1898a0;--c6:#8c564b;--c7:#5c6370}
        @media(prefers-color-scheme:dark){:root{--ink:#e6e8eb;--dim:#9aa2ae;--line:#3a4048;--paper:#16181c;--box:#20242a;--warm:#ef7b8a;
        --cool:#6cb0f0;--c0:#6cb0f0;--c1:#ef7b8a;--c2:#5fc98f;--c3:#e0b54a;--c4:#b794e8;--c5:#4fd0d8;--c6:#c99b8f;--c7:#9aa2ae}}
        @media print{:root{color-scheme:light;--ink:#000;--dim:#444;--line:#999;--paper:#fff;--box:#fff;--warm:#d1495b;--cool:#2f6fb0;
        --c0:#2f6fb0;--c1:#d1495b;--c2:#2e8b57;--c3:#b8860b;--c4:#7b52ab;--c5:#1898a0;--c6:#8c564b;--c7:#5c6370}
        td{print-color-adjust:exact}section{break-inside:avoid-page}details>*{display:revert}}
        body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:76rem;margin:0 auto;padding:1.5rem}
        h1{font-size:1.7rem;margin:0}h2{font-size:1.2rem;margin:2.2rem 0 .4rem;border-bottom:1px solid var(--line)}p{max-width:60rem;margin:.4rem 0}
        .dim,caption,figcaption{color:var(--dim)}figure{margin:.8rem 0}svg{max-width:100%;height:auto}pre{background:var(--box);padding:.8rem;overflow:auto}
        .wide{overflow-x:auto}table{border-collapse:collapse;font-size:12.5px;font-variant-numeric:tabular-nums;margin:.5rem 0 1rem}
        caption{text-align:left;padding:.2rem 0}th,td{padding:.15rem .5rem;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}
        th:first-child,.l{text-align:left}th{font-weight:600}thead th{white-space:normal;vertical-align:bottom}summary{cursor:pointer;color:var(--cool)}
        svg text{fill:var(--ink);font:12px system-ui,sans-serif}svg .dim{fill:var(--dim)}svg .axis{stroke:var(--line);stroke-width:1}
        svg .box{fill:var(--box);stroke:var(--line)}svg .arrow{stroke:var(--dim);fill:none}
        """ + string.Concat(Enumerable.Range(0, Colours).Select(i =>
            $".s{i}{{stroke:var(--c{i});fill:none;stroke-width:2}}.f{i}{{fill:var(--c{i})}}"))
        + string.Concat(Enumerable.Range(1, Shades).Select(i =>
            $".h{i}{{background:color-mix(in srgb,var(--cool) {6 * i}%,transparent)}}"
                + $".n{i}{{background:color-mix(in srgb,var(--warm) {6 * i}%,transparent)}}"))
        + ".dash1{stroke-dasharray:6 3}.dash2{stroke-dasharray:2 3}\n";
}
