using System.CommandLine;
using System.Globalization;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Merging.Build;
using MergeTasks.Merging.Looking;
using MergeTasks.Merging.Measuring;
using MergeTasks.Numerics.Threads;
using MergeTasks.Tool.Terminal;

namespace MergeTasks.Tool.Commands;

/// <summary><c>diff</c>: how a model differs from another, which is taken for its base.</summary>
internal sealed class DiffCommand : ToolCommand
{
    private const int OthersShown = 20;

    private readonly Argument<string> _first = new("a") { Description = "The model to compare with, such as the base." };
    private readonly Argument<string> _second = new("b") { Description = "The other model." };
    private readonly Option<bool> _tensors = new("--tensors") { Description = "List tensors, not layers." };
    private readonly Option<bool> _exitCode = new("--exit-code")
    {
        Description = $"End with {ExitCode.No} where the models differ.",
    };

    private readonly SharedOptions _shared;

    public DiffCommand(Streams streams)
        : base("diff", "Show how a model differs from another: change and cosine by layer, configuration, tokens.", streams)
    {
        Arguments.Add(_first);
        Arguments.Add(_second);
        Options.Add(_tensors);
        Options.Add(_exitCode);
        _shared = new SharedOptions(this);
    }

    protected override int Run(ParseResult parsed, Screen screen, CancellationToken cancellation)
    {
        using var first = _shared.Open(parsed, screen, parsed.GetRequiredValue(_first), null, cancellation);
        using var second = _shared.Open(parsed, screen, parsed.GetRequiredValue(_second), null, cancellation);
        var threads = MergeBuild.ThreadsOf(_shared.Threads(parsed));
        var found = ModelComparison.Of(first, second, new WorkerTeam(threads, cancellation), cancellation);
        screen.Show(
            new
            {
                a = first.Label,
                b = second.Label,
                isSame = found.IsSame,
                whole = found.Whole is { } whole ? Row.Of(whole) : null,
                layers = found.Layers.Select(Row.Of),
                tensors = found.Changes.Select(tensor => Row.Of(tensor.Change) with
                {
                    Types = tensor.FirstType == tensor.SecondType ? null : Types(tensor),
                }),
                other = found.Other.Select(one => new { tensor = one.Tensor, difference = one.Difference }),
                configuration = found.Configuration,
                vocabulary = found.Vocabulary,
            },
            () => Draw(screen, found, parsed.GetValue(_tensors)));
        return parsed.GetValue(_exitCode) && !found.IsSame ? ExitCode.No : ExitCode.Done;
    }

    private static void Draw(Screen screen, ModelComparison found, bool listsTensors)
    {
        var rows = (listsTensors ? [.. found.Changes.Select(tensor => tensor.Change)] : found.Layers)
            .Concat(found.Whole is { } whole ? [whole with { Tensor = "all" }] : []);
        screen.Table(
            [listsTensors ? "tensor" : "layer", "#elements", "#changed", "#size of change", "#largest", "#cosine"],
            rows.Select(Row.Of).Select(row => (IReadOnlyList<string>)[
                row.Name,
                row.Elements.ToString("N0", CultureInfo.InvariantCulture),
                Percent((double)row.Changed / Math.Max(1, row.Elements)),
                row.RelativeSize is { } size ? Percent(size) : "",
                row.Largest.ToString("G3", CultureInfo.InvariantCulture),
                row.Cosine is { } cosine ? cosine.ToString("0.000000", CultureInfo.InvariantCulture) : "",
            ]));
        screen.Line("Changed: elements that differ. Size of change: ‖b − a‖ / ‖a‖. Cosine: of the weights.");
        foreach (var group in found.Changes.Where(tensor => tensor.FirstType != tensor.SecondType).GroupBy(Types))
            screen.Line($"{group.Count()} tensors are {group.Key}.");
        foreach (var (tensor, difference) in found.Other.Take(OthersShown))
            screen.Line($"{tensor}: {difference}.");
        if (found.Other.Count > OthersShown)
            screen.Line($"{found.Other.Count - OthersShown} more tensors are not compared.");
        if (found.Configuration.Count > 0)
        {
            screen.Line();
            screen.Table(
                ["config.json", "a", "b", ""],
                found.Configuration.Select(setting => (IReadOnlyList<string>)[
                    setting.Key, setting.First ?? "", setting.Second ?? "", setting.Matters ? "changes the function" : ""]));
        }

        screen.Line($"Tokens: {found.Vocabulary ?? "the same"}.");
        if (found.IsSame)
            screen.Line("The models are the same.");
    }

    private static string Types(ComparedTensor tensor) =>
        $"{tensor.FirstType.SafetensorsName()} in a and {tensor.SecondType.SafetensorsName()} in b";

    private static string Percent(double share) => share.ToString("0.000 %", CultureInfo.InvariantCulture);

    private sealed record Row(string Name, long Elements, long Changed, double? RelativeSize, double Largest, double? Cosine)
    {
        public string? Types { get; init; }

        public static Row Of(WeightChange change) => new(
            change.Tensor,
            change.Elements,
            change.Models[0].Changed,
            change.RelativeSize(0),
            change.Models[0].Largest,
            change.CosineWithBase(0));
    }
}
