using System.Globalization;
using System.Text.RegularExpressions;

namespace MergeTasks.Checkpoints.Naming;

/// <summary>The matrices of an expert.</summary>
internal enum ExpertPart
{
    /// <summary>The gate: <c>gate_proj</c>, <c>w1</c>.</summary>
    Gate,

    /// <summary>The matrix beside it: <c>up_proj</c>, <c>w3</c>.</summary>
    Up,

    /// <summary>The matrix back: <c>down_proj</c>, <c>w2</c>.</summary>
    Down,
}

/// <summary>
/// The names of one layer's gated experts: each expert's matrices by themselves (<c>experts.3.gate_proj.weight</c>), or stacks of all
/// (<c>experts.gate_up_proj</c>, [experts, gates then the rest, in], and <c>experts.down_proj</c>, [experts, out, in]), as version 5 of
/// transformers holds them in memory.
/// </summary>
/// <param name="Block">The name before <c>.experts</c>, such as <c>model.layers.0.mlp</c>.</param>
internal sealed partial record ExpertLayer(string Block)
{
    private static readonly Dictionary<string, ExpertPart> Parts = new(StringComparer.Ordinal)
    {
        ["gate_proj"] = ExpertPart.Gate,
        ["w1"] = ExpertPart.Gate,
        ["up_proj"] = ExpertPart.Up,
        ["w3"] = ExpertPart.Up,
        ["down_proj"] = ExpertPart.Down,
        ["w2"] = ExpertPart.Down,
    };

    /// <summary>The experts' matrices by themselves; empty where they are stacked.</summary>
    public Dictionary<(int Expert, ExpertPart Part), string> Singles { get; } = [];

    /// <summary>The stack of gates and what stands beside them; <see langword="null"/>: none.</summary>
    public string? GateUp { get; private set; }

    /// <summary>The stack of matrices back; <see langword="null"/>: none.</summary>
    public string? Down { get; private set; }

    /// <summary>Whether all is there in stacks, and nothing by itself.</summary>
    public bool IsStacked => GateUp is not null && Down is not null && Singles.Count == 0;

    /// <summary>Whether each expert has its three matrices, and nothing is stacked.</summary>
    public bool IsSingle =>
        GateUp is null && Down is null && Singles.Count > 0 && Singles.Count == 3 * (Singles.Keys.Max(key => key.Expert) + 1);

    /// <summary>All names.</summary>
    public IEnumerable<string> Names => Singles.Values.Concat(new[] { GateUp, Down }.OfType<string>());

    /// <summary>
    /// The layers with experts among a model's tensors, by the layer's name without what depends on how the checkpoint was saved.
    /// </summary>
    public static Dictionary<string, ExpertLayer> Of(IEnumerable<string> names)
    {
        var layers = new Dictionary<string, ExpertLayer>(StringComparer.Ordinal);
        foreach (var match in names.Select(name => Pattern().Match(name)).Where(match => match.Success))
        {
            var key = TensorNames.Canonical(match.Groups["layer"].Value);
            if (!layers.TryGetValue(key, out var layer))
                layers.Add(key, layer = new ExpertLayer(match.Groups["layer"].Value + match.Groups["block"].Value));
            layer.Add(match);
        }

        return layers;
    }

    private void Add(Match match)
    {
        if (match.Groups["stack"] is { Success: true } stack)
        {
            if (stack.Value == "gate_up_proj")
                GateUp = match.Value;
            else
                Down = match.Value;
            return;
        }

        if (int.TryParse(match.Groups["expert"].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out var expert))
            Singles[(expert, Parts[match.Groups["part"].Value])] = match.Value;
    }

    [GeneratedRegex(
        @"^(?<layer>.*\.\d+\.)(?<block>[^.]+)\.experts\."
            + @"((?<expert>\d{1,6})\.(?<part>(gate|up|down)_proj|w[123])\.weight|(?<stack>gate_up_proj|down_proj)(\.weight)?)$",
        RegexOptions.ExplicitCapture)]
    private static partial Regex Pattern();
}
