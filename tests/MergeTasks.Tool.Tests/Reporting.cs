using System.Diagnostics;
using System.Globalization;
using AngleSharp.Dom;
using AngleSharp.Html.Dom;
using AngleSharp.Html.Parser;
using MergeTasks.Caching;
using MergeTasks.Language.Searching;
using MergeTasks.Library;
using MergeTasks.Merging.Looking;
using MergeTasks.Merging.Measuring;
using MergeTasks.Merging.Outputs.Ownership;
using MergeTasks.Merging.Reporting;
using MergeTasks.TestSupport;
using MergeTasks.Transformers.Metrics;

namespace MergeTasks.Tool.Tests;

/// <summary>The page about a merge.</summary>
public sealed class Reporting : IDisposable
{
    private const long Rows = 37;
    private const long Columns = 29;

    private static readonly string[] Kinds = ["mlp.up_proj", "mlp.down_proj"];

    private readonly ToolFolder _folder = new();
    private readonly Dictionary<(string Model, int Layer, string Kind), float[]> _weights = [];

    public Reporting()
    {
        foreach (var (i, model) in new[] { "base", "one", "two" }.Index())
        {
            foreach (var (layer, kind) in Enumerable.Range(0, 3).SelectMany(layer => Kinds.Select(kind => (layer, kind))))
            {
                var values = RandomTensors.Normal(layer + (kind.Length * 10), Rows * Columns);
                var change = RandomTensors.Normal((100 * i) + layer + kind.Length, Rows * Columns, i * 0.002);
                _weights[(model, layer, kind)] = [.. values.Zip(change, (value, delta) => i > 0 && delta > 0 ? value + delta : value)];
            }

            _folder.Model(model, [
                ("model.embed.weight", RandomTensors.F32(7, 5, 4)),
                .. _weights.Where(one => one.Key.Model == model).Select(one =>
                    ($"model.layers.{one.Key.Layer}.{one.Key.Kind}.weight", RawTensor.F32([Rows, Columns], one.Value))),
            ]);
        }

        _folder.File("recipe.yml", """
            merge_method: task_arithmetic
            base_model: base
            models:
              - {model: one, parameters: {weight: 1}}
              - {model: two, parameters: {weight: -0.5}}
            """);
        Assert.Equal(ExitCode.Done, _folder.Run("merge", "recipe.yml", "out & <b>").Code);
    }

    [Fact]
    public void The_page_is_html_that_needs_nothing_else_and_says_what_a_slow_loop_says()
    {
        var told = _folder.Run("report", "out & <b>", "--json");
        Assert.Equal((ExitCode.Done, ""), (told.Code, told.Error));
        var path = told.Json.GetProperty("page").GetString()!;
        Assert.Equal(_folder["out & <b>.report.html"], path);
        var text = File.ReadAllText(path);
        var page = Parsed(text);
        Assert.Empty(page.QuerySelectorAll("script, link, img, iframe, object, [src], [href], [onclick]"));
        Assert.DoesNotContain("url(", text, StringComparison.Ordinal);
        Assert.Equal("recipe", page.QuerySelector("h1")!.TextContent);

        var merged = TestCheckpoint.Read(_folder["out & <b>"]);
        for (var layer = 0; layer < 3; layer++)
        {
            foreach (var kind in Kinds)
            {
                var result = merged[$"model.layers.{layer}.{kind}.weight"].Floats();
                var (origin, one, two) = (_weights[("base", layer, kind)], Delta("one", layer, kind), Delta("two", layer, kind));
                var size = Math.Sqrt(Dot(one, one) / Dot(origin, origin));
                Assert.Equal(Shown(size), Cell(page, "one: size of change", layer, kind));
                Assert.Equal(
                    (Dot(one, two) / Math.Sqrt(Dot(one, one) * Dot(two, two))).ToString("0.000", CultureInfo.InvariantCulture),
                    Cell(page, "one × two: cosine of changes", layer, kind));
                var shared = one.Zip(two).Count(pair => pair.First != 0 && pair.Second != 0);
                var opposed = one.Zip(two).Count(pair => pair.First * (double)pair.Second < 0);
                Assert.Equal(Shown((double)opposed / shared), Cell(page, "one × two: sign conflicts", layer, kind));
                var kept = two.Select((delta, i) => delta * ((double)result[i] - origin[i])).Count(product => product > 0);
                Assert.Equal(Shown((double)kept / two.Count(delta => delta != 0)), Cell(page, "two: kept by the merge", layer, kind));
            }
        }

        // Writing it again changes nothing, and what was measured comes from the cache.
        var time = File.GetLastWriteTimeUtc(path);
        Assert.Equal(ExitCode.Done, _folder.Run("report", "out & <b>").Code);
        Assert.Equal(time, File.GetLastWriteTimeUtc(path));
        Assert.Equal(1, _folder.Run("cache", "--json").Json.GetProperty("scores").GetInt32());

        static string Shown(double share) => share.ToString(share < 0.1 ? "0.00 %" : "0.0 %", CultureInfo.InvariantCulture);
    }

    [Fact]
    public void A_report_overwrites_reports_alone()
    {
        var path = _folder["out & <b>.report.html"];
        File.WriteAllText(path, "mine");
        var refused = _folder.Run("report", "out & <b>");
        Assert.Equal(ExitCode.Failed, refused.Code);
        Assert.Contains("error MTK7003", refused.Error, StringComparison.Ordinal);
        Assert.Equal("mine", File.ReadAllText(path));
        Assert.Equal(ExitCode.Done, _folder.Run("report", "out & <b>", "page.html").Code);
        File.WriteAllText(path, File.ReadAllText(_folder["page.html"]).Replace("recipe", "rezept", StringComparison.Ordinal));
        Assert.Equal(ExitCode.Failed, _folder.Run("report", "out & <b>").Code);
        File.Delete(path);
        File.CreateSymbolicLink(path, _folder["page.html"]);
        Assert.Equal(ExitCode.Failed, _folder.Run("report", "out & <b>").Code);
        Assert.Contains("MTK7020", _folder.Run("report", "base").Error, StringComparison.Ordinal);

        // Where the models are not found, the manifest still tells.
        Directory.Move(_folder["one"], _folder["elsewhere"]);
        var less = _folder.Run("report", "out & <b>", "less.html");
        Assert.Contains("Not shown: sizes of changes: ", less.Output, StringComparison.Ordinal);
        Assert.Contains("weight: -0.5", Parsed(File.ReadAllText(_folder["less.html"])).QuerySelector("pre")!.TextContent, StringComparison.Ordinal);
    }

    [Fact]
    public void Builds_write_it_too_and_it_goes_with_the_output()
    {
        var models = Path.Combine(RepositoryFolder.Root, "example-project", "models");
        var data = _folder.File("math.jsonl", string.Join('\n', File.ReadLines(Path.Combine(models, "eval", "math.jsonl")).Take(6)));
        var project = new MergeProject(_folder["."], "merged") { CacheFolder = _folder["cache"] }
            .Merge("m", ("Method", "task_arithmetic"), ("Base", Path.Combine(models, "base")), ("Weight", "0.5"), ("Apl", "layer"),
                ("Aim", "0.4"), ("Calibration", Path.Combine(models, "data", "calibration.jsonl")), ("AimBlock", "32"), ("AimSamples", "8"))
            .Source(Path.Combine(models, "math"), ("TaskData", data))
            .Evaluation(data);
        project.Run();
        project.Evaluate();
        var path = Assert.Single(project.Report());
        Assert.Equal(_folder["merged", "m.report.html"], path);
        var page = Parsed(File.ReadAllText(path));
        var headings = page.QuerySelectorAll("h2").Select(heading => heading.TextContent).ToList();
        Assert.Equal(["What was merged", "Evaluation", "Changes", "How the changes go together", "Importance", "Recipe", "Not shown"], headings);

        // AIM's relaxation by the formula, from the activations of the cache; APL's layers and the interval of six samples.
        var kept = page.QuerySelectorAll("caption").Single(caption => caption.TextContent.StartsWith("AIM", StringComparison.Ordinal));
        Assert.All(
            kept.Closest("table")!.QuerySelectorAll("td").Where(cell => cell.TextContent.Length > 0),
            cell => Assert.InRange(double.Parse(cell.TextContent.TrimEnd('%', ' '), CultureInfo.InvariantCulture), 40, 100));
        Assert.Contains(page.QuerySelectorAll("caption"), caption => caption.TextContent.StartsWith("APL: importance", StringComparison.Ordinal));
        Assert.Contains("[", page.QuerySelectorAll("section")[1].QuerySelector("svg")!.TextContent, StringComparison.Ordinal);

        // What clean does.
        var hasher = new FileHasher(new DigestMemo(_folder["cache"]), 1);
        Assert.Empty(OutputRemoval.Remove(_folder[".", "merges"], _folder["merged", "m"], hasher, default));
        Assert.Empty(Directory.GetFileSystemEntries(_folder["merged"]));
    }

    [Fact]
    public void Intervals_of_shares_are_wilsons()
    {
        // Brown, Cai, DasGupta (2001) and every table: 0 of 10, 5 of 10, 81 of 263.
        var (none, half, many) = (WilsonInterval.Of(0, 10), WilsonInterval.Of(0.5, 10), WilsonInterval.Of(81.0 / 263, 263));
        Assert.Equal((0, 0.2775), (Math.Round(none.Low, 4), Math.Round(none.High, 4)));
        Assert.Equal((0.2366, 0.7634), (Math.Round(half.Low, 4), Math.Round(half.High, 4)));
        Assert.Equal((0.2553, 0.3662), (Math.Round(many.Low, 4), Math.Round(many.High, 4)));
    }

    [Fact]
    public void Errors_of_means_are_those_of_independent_groups()
    {
        Assert.Equal(Math.Sqrt(5.0 / 3 / 4), SampleError.OfMean([1, 2, 3, 4]), 1e-12);
        Assert.Equal(double.NaN, SampleError.OfMean([1]));

        // Of groups of one size it is that of their means.
        var groups = Enumerable.Range(0, 6)
            .Select(seed => RandomTensors.Normal(seed, 5, 1).Select(value => (double)value + seed).ToArray()).ToList();
        var means = groups.ConvertAll(group => group.Average());
        var deviation = Math.Sqrt(means.Sum(mean => Math.Pow(mean - means.Average(), 2)) / 5);
        Assert.Equal(deviation / Math.Sqrt(6), SampleError.OfMean((IReadOnlyList<double[]>)groups), 1e-9);
    }

    [Fact]
    public void A_merge_of_four_seven_billion_models_is_less_than_a_megabyte()
    {
        var large = ReportPage.Of(Large(layers: 32, models: 5, kinds: 9));
        Assert.InRange(large.Length, 100_000, 1_000_000);
        var page = Parsed(large);

        // A search's trace, and importance with its interval: what the pictures show is in the tables.
        var candidates = page.QuerySelectorAll("summary").Single(summary => summary.TextContent == "All candidates as a table").ParentElement!;
        var rows = candidates.QuerySelectorAll("tbody tr").Select(row => row.Children.Select(cell => cell.TextContent).ToList()).ToList();
        Assert.Equal(200, rows.Count);
        Assert.Equal(["1", "Method=ties, Lambda=0.4", "0.25", "0.3000", "", "missed"], rows[0]);
        Assert.Equal(["4", "Method=dare_ties, Lambda=1.6", "1", "0.3300", "", "missed"], rows[3]);
        Assert.Equal(["6", "Method=dare_ties, Lambda=2.4", "1", "0.3500", "0.3500", ""], rows[5]);
        Assert.All(rows.Skip(5), row => Assert.NotEqual("", row[4]));
        Assert.Equal(200, page.QuerySelectorAll("section").Single(section => section.QuerySelector("h2")!.TextContent == "Search")
            .QuerySelectorAll("svg")[1].QuerySelectorAll("circle").Length - 2);
        Assert.Equal("50.0 % ± 5.00 %", Cell(page, "models/finetune-of-seven-billion-2: importance of each tensor's change", 3, "self_attn.projection_0"));
    }

    [Fact(
        Skip = "No Chromium in PATH (Debian: apt install chromium), so the report was not looked at in a browser.",
        SkipUnless = nameof(Chromium.IsHere), SkipType = typeof(Chromium))]
    public void Chromium_shows_it_in_dark_and_light()
    {
        File.WriteAllText(_folder["page.html"], ReportPage.Of(Large(layers: 12, models: 4, kinds: 4)));
        var sizes = new[] { "0", "1" }.Select(scheme =>
        {
            var picture = _folder[$"{scheme}.png"];
            using var process = Process.Start(new ProcessStartInfo(Chromium.Path!,
            [
                "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run",
                $"--user-data-dir={_folder["chromium"]}", $"--blink-settings=preferredColorScheme={scheme}", "--window-size=1200,2400",
                "--enable-logging=stderr", $"--screenshot={picture}", new Uri(_folder["page.html"]).AbsoluteUri,
            ])
            { RedirectStandardError = true, RedirectStandardOutput = true, WorkingDirectory = _folder["."] })!;
            var told = process.StandardError.ReadToEnd();
            process.WaitForExit();
            Assert.DoesNotContain("CONSOLE", told, StringComparison.Ordinal);
            return File.ReadAllBytes(picture);
        }).ToList();

        // A blank page of this size has a few thousand bytes.
        Assert.All(sizes, picture => Assert.InRange(picture.Length, 40_000, 4_000_000));
        Assert.NotEqual(sizes[0], sizes[1]);
    }

    public void Dispose() => _folder.Dispose();

    private static MergeReport Large(int layers, int models, int kinds)
    {
        var random = new Random(1);
        var names = Enumerable.Range(1, models).Select(i => i == models ? "assistant" : $"models/finetune-of-seven-billion-{i}").ToList();
        return new MergeReport("assistant", "MergeTasks", "ties", "merge_method: ties\n", [.. names.Select((name, i) =>
            new ReportedSource(name, i == 0, "apache-2.0", []))])
        {
            Reference = "models/base",
            Compared = names,
            Changes =
            [
                .. from layer in Enumerable.Range(0, layers)
                   from kind in Enumerable.Range(0, kinds)
                   select (new TensorPlace("model.layers", layer, $"self_attn.projection_{kind}"), new WeightChange(
                       "", 1 << 24, 1, [.. names.Select(_ => new ModelChange(1 << 23, random.NextDouble(), 0.1, 0.1))],
                       [.. Enumerable.Range(0, models * (models - 1) / 2).Select(_ =>
                           new PairChange(random.NextDouble() - 0.5, 1 << 20, 1 << 19))])),
            ],
            PartImportance =
            [
                .. names.Skip(1).SkipLast(1).Select(name => new ReportedImportance(
                    name,
                    [.. Enumerable.Range(0, layers).Select(layer => ($"layer.{layer}", layer + 1.0, (double?)0.5))],
                    [
                        .. from layer in Enumerable.Range(0, layers)
                           from kind in Enumerable.Range(0, kinds)
                           select (new TensorPlace("model.layers", layer, $"self_attn.projection_{kind}"), kind == 0 ? 1.0 : 2.0, (double?)0.1),
                    ])),
            ],
            Search = new ReportedSearch("mean-recovery", new SearchRecord(
                SearchRecord.CurrentVersion, "assistant", [new("Method", "ties"), new("Lambda", "0.4")], "1", new(), new(), new(), "",
                [
                    new("models/code", 0.4, 0.41, 0.4, 0.42) { Gain = 0.3, GainLow = 0.2, GainHigh = 0.4 },
                    new("plain average", 0.6, 0.61, 0.59, 0.63) { Gain = 0.1, GainLow = 0.05, GainHigh = 0.15 },
                    new("best", 0.7, 0.71, 0.7, 0.72),
                ],
                [
                    .. Enumerable.Range(1, 200).Select(i => new TriedCandidate(
                        string.Create(CultureInfo.InvariantCulture, $"Method={(i % 2 == 0 ? "dare_ties" : "ties")}, Lambda={0.4 * i:0.0}"),
                        i % 2 == 0 ? 1 : 0.25, 0.3 + (0.01 * ((i - 1) % 40)))
                    {
                        MissesGuard = i < 5 ? true : null,
                    }),
                ])),
        };
    }

    // An error in it is an exception.
    private static IHtmlDocument Parsed(string html) => new HtmlParser(new HtmlParserOptions { IsStrictMode = true }).ParseDocument(html);

    private static string Cell(IHtmlDocument page, string caption, int layer, string kind)
    {
        var table = page.QuerySelectorAll("caption").Single(one => one.TextContent == caption).Closest("table")!;
        var column = table.QuerySelectorAll("thead th")
            .Select(head => head.TextContent.Replace("\u200b", "", StringComparison.Ordinal)).ToList().IndexOf(kind);
        var row = table.QuerySelectorAll("tbody tr").Single(one => one.QuerySelector("th")!.TextContent == $"layers.{layer}");
        return row.Children[column].TextContent;
    }

    private float[] Delta(string model, int layer, string kind) =>
        [.. _weights[(model, layer, kind)].Zip(_weights[("base", layer, kind)], (tuned, origin) => tuned - origin)];

    private static double Dot(float[] a, float[] b) => a.Zip(b, (x, y) => (double)x * y).Sum();
}

/// <summary>The browser that looks at the page where there is one.</summary>
internal static class Chromium
{
    /// <summary>Full path; <see langword="null"/> where there is none.</summary>
    public static string? Path { get; } = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(System.IO.Path.PathSeparator)
        .SelectMany(folder => new[] { "chromium", "chromium-browser", "google-chrome" }.Select(name => System.IO.Path.Combine(folder, name)))
        .FirstOrDefault(File.Exists);

    public static bool IsHere => Path is not null;
}
