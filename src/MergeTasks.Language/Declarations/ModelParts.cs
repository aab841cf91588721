using MergeTasks.Checkpoints.Configuration;
using MergeTasks.Checkpoints.Naming;

namespace MergeTasks.Language.Declarations;

/// <summary>A part of a checkpoint that a recipe can name.</summary>
/// <param name="Name">The name.</param>
/// <param name="Stack">Its layers; <see langword="null"/> where it has none.</param>
/// <param name="Tensors">Names of its tensors, in ordinal order.</param>
internal sealed record ModelPart(string Name, LayerRun? Stack, IReadOnlyList<string> Tensors);

/// <summary>
/// The parts of a checkpoint, told by where the names of its layer stacks divide: <c>model.visual.blocks.</c> and
/// <c>model.language_model.layers.</c> make the parts <c>visual</c> and <c>language_model</c>, each with every tensor that begins so. What
/// is left, such as shared embeddings or a projector, is the part <c>default</c>; groups of it can be named as well. A checkpoint whose
/// stacks do not divide is all <c>default</c>.
/// </summary>
internal sealed class ModelParts
{
    private const string Default = "default";

    private readonly IReadOnlyList<string> _loose;

    private ModelParts(IReadOnlyList<ModelPart> parts, IReadOnlyList<string> loose) => (All, _loose) = (parts, loose);

    /// <summary>The parts with layers, then <c>default</c> where anything is left.</summary>
    public IReadOnlyList<ModelPart> All { get; }

    /// <summary>Divides a checkpoint.</summary>
    /// <param name="names">Names of its tensors, in ordinal order.</param>
    /// <param name="stacks">Its stacks.</param>
    public static ModelParts Of(IReadOnlyList<string> names, IReadOnlyList<LayerRun> stacks)
    {
        var common = CommonPrefix(stacks);
        var groups = stacks.GroupBy(stack => stack.Prefix[..(stack.Prefix.IndexOf('.', common.Length) + 1)], StringComparer.Ordinal)
            .ToList();
        if (groups.Count < 2)
            return new ModelParts([new ModelPart(Default, stacks.MaxBy(stack => stack.Count), names)], []);
        var taken = new HashSet<string>(StringComparer.Ordinal);
        var parts = new List<ModelPart>();
        foreach (var group in groups)
        {
            var tensors = names.Where(name => name.StartsWith(group.Key, StringComparison.Ordinal)).ToList();
            taken.UnionWith(tensors);
            parts.Add(new ModelPart(group.Key[common.Length..^1], group.MaxBy(stack => stack.Count), tensors));
        }

        var loose = names.Where(name => !taken.Contains(name)).ToList();
        if (loose.Count > 0)
            parts.Add(new ModelPart(Default, null, loose));
        return new ModelParts(parts, loose);
    }

    /// <summary>
    /// The part of a name; <see langword="null"/> where there is none. <c>text_decoder</c> and <c>vision_encoder</c> are the parts of the
    /// language model and of images, whatever these are called; a group of loose tensors is named by its prefix.
    /// </summary>
    public ModelPart? Find(string name)
    {
        if (All.FirstOrDefault(part => part.Name == name) is { } found)
            return found;
        LayerStackKind? kind = name switch
        {
            "text_decoder" => All.Any(part => part.Stack?.Kind == LayerStackKind.Main) ? LayerStackKind.Main : LayerStackKind.Decoder,
            "vision_encoder" or "vision_tower" => LayerStackKind.Vision,
            "audio_encoder" or "audio_tower" => LayerStackKind.Audio,
            _ => null,
        };
        var ofKind = kind is null ? [] : All.Where(part => part.Stack?.Kind == kind).ToList();
        if (ofKind.Count == 1)
            return ofKind[0];
        var group = _loose.Where(tensor =>
            tensor.StartsWith(name + ".", StringComparison.Ordinal) || tensor.StartsWith($"model.{name}.", StringComparison.Ordinal))
                .ToList();
        return group.Count > 0 ? new ModelPart(name, null, group) : null;
    }

    // The words that all stacks begin with.
    private static string CommonPrefix(IReadOnlyList<LayerRun> stacks)
    {
        var common = "";
        while (stacks.Count > 0 && stacks[0].Prefix.IndexOf('.', common.Length) is var dot && dot + 1 < stacks[0].Prefix.Length
            && stacks.All(stack =>
                stack.Prefix.StartsWith(stacks[0].Prefix[..(dot + 1)], StringComparison.Ordinal) && stack.Prefix.Length > dot + 1))
        {
            common = stacks[0].Prefix[..(dot + 1)];
        }

        return common;
    }
}
