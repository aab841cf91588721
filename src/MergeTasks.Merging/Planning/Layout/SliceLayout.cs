using MergeTasks.Checkpoints.Configuration;
using MergeTasks.Checkpoints.Naming;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Recipes;
using MergeTasks.Merging.Inputs;

namespace MergeTasks.Merging.Planning.Layout;

/// <summary>Lays out a part of the output whose layers are stacked from slices.</summary>
/// <param name="draft">Gets the tensors.</param>
/// <param name="part">The part of the donor that the slices replace.</param>
/// <param name="stack">Its layers.</param>
internal sealed class SliceLayout(LayoutDraft draft, ModelPart part, LayerRun stack)
{
    private readonly List<LayerOrigin> _origins = [];

    /// <summary>
    /// Adds the slices' layers, and what the part has beside them: before the layers as the first slice says, after them as the last one
    /// does.
    /// </summary>
    /// <param name="slices">The slices in order.</param>
    /// <param name="scopes">Settings around the slices' own.</param>
    public void Add(IReadOnlyList<SliceDeclaration> slices, IReadOnlyList<IReadOnlyDictionary<string, Setting>> scopes)
    {
        var first = 0;
        var laid = new List<LaidSlice>();
        foreach (var slice in slices)
        {
            var label = $"{(part.Name.Length == 0 ? "" : part.Name + " ")}layers {first}–{first + slice.Sources[0].Length - 1}";
            var layout = draft.Part(label, [.. slice.Sources.Select(source => source.Model)], [slice.Parameters, .. scopes], slice.Base);
            laid.Add(new LaidSlice(slice, layout, Math.Max(0, layout.Sources.ToList().FindIndex(source => source.IsBase))));
            first += slice.Sources[0].Length;
        }

        if (!HasLayers(laid) || !IsOneArchitecture(laid))
            return;
        var loose = part.Tensors
            .Where(name => draft.Donor.StackOf(name)?.Prefix != stack.Prefix)
            .ToLookup(TensorNames.IsBeforeLayers, name => name);
        foreach (var name in loose[true])
            AddLoose(name, laid[0]);
        foreach (var slice in laid)
            AddLayers(slice);
        AddSurplus();
        foreach (var name in loose[false])
            AddLoose(name, laid[^1]);
        Restack();
    }

    private bool HasLayers(List<LaidSlice> slices)
    {
        var count = draft.ErrorCount;
        foreach (var (source, layout) in slices.SelectMany(slice => slice.Declaration.Sources.Zip(slice.Part.Sources)))
        {
            if (draft.Index(layout.Input).Find(stack) is not { } own)
                draft.Report(
                    DiagnosticCode.LayerRange,
                    $"'{source.Model.Label}' has no layers '{stack.Prefix}N', which '{draft.DonorDeclaration.Label}' has.",
                    source.RangeLocation);
            else if (CountOf(own, layout.Input.Config) is var layers && source.End > layers)
                draft.Report(
                    DiagnosticCode.LayerRange,
                    $"'{source.Model.Label}' has {layers} layers; [{source.Start}, {source.End}] goes beyond [0, {layers}]."
                    + (source.End > own.Count
                        ? ""
                        : $" What follows, up to {own.Count}, predicts further tokens, and no layer can be stacked from it."), source.RangeLocation);
        }

        return draft.ErrorCount == count;
    }

    // Numbers of layers may differ here; what is left is whether the layers' tensors match at all.
    private bool IsOneArchitecture(List<LaidSlice> slices)
    {
        var donor = draft.Donor;
        List<string> weights = [.. part.Tensors.Where(ArchitectureCheck.IsWeight(donor.Model))];
        var count = draft.ErrorCount;
        foreach (var source in slices.SelectMany(slice => slice.Part.Sources)
            .Where(source => source.Input != donor.Model)
            .DistinctBy(source => source.Input))
            draft.Architecture.Fits(
                (draft.DonorDeclaration, donor), (source.Declaration, draft.Index(source.Input)), weights, ignoresLayerCount: true);
        return draft.ErrorCount == count;
    }

    private void AddLoose(string name, LaidSlice slice)
    {
        var donor = draft.Index(slice.DonorSource.Input);
        var own = donor.Find(name);
        draft.Add(
            name,
            own is null ? draft.Donor : donor,
            own ?? name,
            slice.Part,
            [.. slice.Part.Sources.Select(source => draft.Index(source.Input).Find(name))]);
    }

    private void AddLayers(LaidSlice slice)
    {
        var sources = slice.Declaration.Sources;
        var indexes = slice.Part.Sources.Select(source => draft.Index(source.Input)).ToList();
        var stacks = indexes.ConvertAll(index => index.Find(stack)!);
        var (donor, donorStack) = (indexes[slice.Donor], stacks[slice.Donor]);
        for (var i = 0; i < sources[0].Length; i++)
        {
            var layer = _origins.Count;
            var donorLayer = sources[slice.Donor].Start + i;
            _origins.Add(new LayerOrigin(donor.Model.Config, donorLayer));
            foreach (var name in donor.Layer(donorStack, donorLayer))
            {
                var suffix = donorStack.SuffixOf(name);
                var found = sources.Select((source, j) => indexes[j].Find($"{stacks[j].Prefix}{source.Start + i}{suffix}")).ToList();
                draft.Add(
                    $"{stack.Prefix}{layer}{suffix}",
                    donor,
                    name,
                    slice.Part,
                    found,
                    (stack.Prefix, layer, LayerPosition.Of(i, sources[0].Length)));
            }
        }
    }

    // Layers beyond those that the configuration counts predict further tokens (DeepSeek, GLM): they are none of the stack, and follow it.
    private static int CountOf(LayerRun run, ModelConfig config) =>
        run.Kind == LayerStackKind.Main && config.LayerCount is { } count && count < run.Count ? count : run.Count;

    private void AddSurplus()
    {
        var count = CountOf(stack, draft.Config);
        var alone = new LayoutPart("", [], []);
        for (var layer = count; layer < stack.Count; layer++)
        {
            foreach (var name in draft.Donor.Layer(stack, layer))
                draft.Add(
                    $"{stack.Prefix}{_origins.Count + layer - count}{stack.SuffixOf(name)}",
                    draft.Donor,
                    name,
                    alone,
                    [],
                    (stack.Prefix, _origins.Count + layer - count, 1));
        }

        if (stack.Count > count)
            draft.Note(
                $"'{draft.DonorDeclaration.Label}' has {stack.Count - count} layers that predict further tokens: they follow the new "
                    + "stack as they are");
    }

    private void Restack()
    {
        var kind = stack.Kind;
        bool HasOther(LayerStackKind other) => draft.Donor.Stacks.Any(known => known.Kind == other);

        // An encoder or a decoder alone is all of the model, and the configuration counts its layers as such.
        if ((kind == LayerStackKind.Decoder && !HasOther(LayerStackKind.Encoder))
            || (kind == LayerStackKind.Encoder && !HasOther(LayerStackKind.Decoder)))
            kind = LayerStackKind.Main;
        var count = kind == LayerStackKind.Main ? draft.Config.LayerCount ?? stack.Count : stack.Count;
        if (!ConfigLayers.Counts(draft.Config, kind, count))
        {
            draft.Warn(DiagnosticCode.LayerCountKey,
                $"the configuration of '{draft.DonorDeclaration.Label}' has no known key that counts the layers '{stack.Prefix}N', so it "
                    + $"is left as it is although the output has {_origins.Count} of them.");
            return;
        }

        foreach (var pattern in ConfigLayers.BrokenPatterns(draft.Config, _origins))
            draft.Warn(
                DiagnosticCode.LayerCountKey,
                $"the configuration says by '{pattern}' that kinds of layers repeat; in the new order they do not.");
        draft.Config = draft.Config.With(kind, count, _origins);
    }

    // The donor is the source whose tensors are taken where nothing is merged: the base, else the first.
    private sealed record LaidSlice(SliceDeclaration Declaration, LayoutPart Part, int Donor)
    {
        public LayoutSource DonorSource => Part.Sources[Donor];
    }
}
