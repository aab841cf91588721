using MergeTasks.Checkpoints.Naming;
using MergeTasks.Merging.Inputs;

namespace MergeTasks.Merging.Planning;

/// <summary>
/// Brings all models' experts into the form that the output's have: one by one, or stacked, as versions of transformers save them. What
/// does not fit stays as it is, and is refused where models are compared.
/// </summary>
internal static class ExpertForms
{
    /// <summary>The models, with experts in the donor's form.</summary>
    /// <param name="models">The models.</param>
    /// <param name="donorOf">Finds the one that decides the output's tensors.</param>
    /// <param name="note">Hears of what is read in another form.</param>
    public static List<OpenModel> In(List<OpenModel> models, Func<IReadOnlyList<OpenModel>, int> donorOf, Action<string> note)
    {
        if (models.Count < 2 || donorOf(models) is not (>= 0 and var place))
            return models;
        var donor = models[place];
        var layers = ExpertLayer.Of(donor.Input.Names);
        return layers.Count == 0 ? models : [.. models.Select((model, i) => i == place ? model : model with { Input = Formed(model) })];

        ModelInput Formed(OpenModel model)
        {
            if (ReferenceEquals(model.Input, donor.Input))
                return model.Input;
            var tensors = new Dictionary<string, RepackedTensor>(StringComparer.Ordinal);
            var own = ExpertLayer.Of(model.Input.Names);
            foreach (var (key, wanted) in layers)
                if (own.TryGetValue(key, out var stored) && !wanted.Names.Order().SequenceEqual(stored.Names.Order()))
                    AddLayer(donor.Input, wanted, model.Input, stored, tensors);
            if (tensors.Count == 0)
                return model.Input;
            note(
                $"the experts of '{model.Declaration.Label}' are read {(layers.Values.First().IsStacked ? "as stacks" : "one by one")}, "
                    + $"as '{donor.Declaration.Label}' stores them");
            return new RepackedInput(model.Input, tensors);
        }
    }

    private static void AddLayer(
        ModelInput donor, ExpertLayer wanted, ModelInput model, ExpertLayer stored, Dictionary<string, RepackedTensor> tensors)
    {
        if (SizesOf(donor, wanted) is not { } sizes || SizesOf(model, stored) != sizes)
            return;
        var (experts, inner, hidden) = sizes;
        if (wanted.IsStacked)
        {
            var all = Enumerable.Range(0, experts).ToList();
            tensors[wanted.GateUp!] = new(
                [experts, 2 * inner, hidden],
                [.. all.SelectMany(expert => new[] { SegmentOf(expert, ExpertPart.Gate), SegmentOf(expert, ExpertPart.Up) })]);
            tensors[wanted.Down!] = new([experts, hidden, inner], [.. all.Select(expert => SegmentOf(expert, ExpertPart.Down))]);
        }
        else
        {
            foreach (var ((expert, part), name) in wanted.Singles)
                tensors[name] = new(part == ExpertPart.Down ? [hidden, inner] : [inner, hidden], [SegmentOf(expert, part)]);
        }

        // The router beside the experts, where the block has another name.
        foreach (var name in model.Names.Where(name => name.StartsWith(stored.Block + ".", StringComparison.Ordinal)).Except(stored.Names))
        {
            var renamed = wanted.Block + name[stored.Block.Length..];
            if (donor.Find(name) is null && model.Find(renamed) is null && donor.Find(renamed) is { } spec
                && spec.Shape.SequenceEqual(model.Find(name)!.Shape))
            {
                tensors[renamed] = new(spec.Shape, [new(name, 0, spec.Shape.Aggregate(1L, (product, size) => product * size))]);
            }
        }

        TensorSegment SegmentOf(int expert, ExpertPart part)
        {
            var matrix = (long)inner * hidden;
            return !stored.IsStacked ? new(stored.Singles[(expert, part)], 0, matrix) : part switch
            {
                ExpertPart.Gate => new(stored.GateUp!, 2 * expert * matrix, matrix),
                ExpertPart.Up => new(stored.GateUp!, (2 * expert + 1) * matrix, matrix),
                _ => new(stored.Down!, expert * matrix, matrix),
            };
        }
    }

    private static (int Experts, int Inner, int Hidden)? SizesOf(ModelInput model, ExpertLayer layer)
    {
        if (layer.IsStacked)
        {
            return model.Find(layer.GateUp!)!.Shape is [var count, var both, var width] && both % 2 == 0
                && model.Find(layer.Down!)!.Shape.SequenceEqual([count, width, both / 2])
                    ? ((int)count, (int)(both / 2), (int)width)
                    : null;
        }

        if (!layer.IsSingle || model.Find(layer.Singles[(0, ExpertPart.Gate)])!.Shape is not [var inner, var hidden])
            return null;
        return layer.Singles.All(single =>
            model.Find(single.Value)!.Shape.SequenceEqual(single.Key.Part == ExpertPart.Down ? [hidden, inner] : [inner, hidden]))
            ? (layer.Singles.Count / 3, (int)inner, (int)hidden)
            : null;
    }
}
