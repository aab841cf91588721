using MergeTasks.Checkpoints.Adapters;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Naming;
using MergeTasks.Checkpoints.Safetensors;

namespace MergeTasks.Merging.Inputs;

/// <summary>Finds the tensors of a model that an adapter changes, and how it changes them.</summary>
internal sealed class AdapterMatch
{
    private const int NamesInMessage = 5;
    private const string Weight = ".weight";
    private const string Bias = ".bias";

    // The parameter of torch's own attention whose factors bear its module's name.
    private const string AttentionWeight = ".in_proj_weight";

    private readonly ModelInput _model;
    private readonly LoraAdapter _adapter;
    private readonly List<string> _names;
    private readonly TensorIndex _index;
    private readonly StructuralNames _structure;
    private readonly Dictionary<string, TensorChange> _changed = new(StringComparer.Ordinal);
    private readonly Dictionary<string, TensorInfo> _replaced = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (TensorInfo Rows, IReadOnlyList<int> Tokens)> _rows = new(StringComparer.Ordinal);

    /// <summary>Matches both.</summary>
    /// <param name="model">The model.</param>
    /// <param name="adapter">The adapter.</param>
    /// <param name="leftOut">Modules and parameters of the adapter that repeat what others say.</param>
    /// <exception cref="CheckpointException">They do not fit.</exception>
    public AdapterMatch(ModelInput model, LoraAdapter adapter, IReadOnlySet<string> leftOut)
    {
        (_model, _adapter, _names) = (model, adapter, [.. model.Names]);
        _structure = new StructuralNames(_names);
        _index = new TensorIndex(
            model,
            adapter.Replacements.Keys
                .Concat(adapter.TokenRows.Keys.Concat(adapter.Modules.Select(module => module.Name)).Select(module => module + Weight)));
        var unknown = new List<string>();
        foreach (var (name, tensor) in adapter.Replacements.Where(pair => !leftOut.Contains(pair.Key)))
        {
            if (Taken(name, Own(name)) is { } own)
                _replaced[own] = tensor;
        }

        foreach (var (name, rows) in adapter.TokenRows.Where(pair => !leftOut.Contains(pair.Key)))
        {
            if (Taken(name, Own(name + Weight)) is { } own)
                _rows[own] = Checked(own, rows);
        }

        var others = new List<LoraModule>();
        foreach (var module in adapter.Modules.Where(module => module.Place is null && !leftOut.Contains(module.Name)))
        {
            if ((Own(module.Name + Weight) ?? Own(module.Name + AttentionWeight)) is { } own)
                Change(own, module);
            else
                others.Add(module);
        }

        var stacks = new StackedExperts(model, Own, Unfit).Assign(others, out var experts);
        foreach (var (own, change) in stacks)
            _changed[own] = change;
        unknown.AddRange(others.Select(module => module.Name).Where(name => !experts.Contains(name)));

        var targets = new TargetedParameters(model, adapter, Own, Unfit);
        foreach (var group in adapter.Modules.Where(module => module.Place is not null).GroupBy(module => module.Name))
        {
            foreach (var (own, change) in targets.Assign(group.Key, [.. group]))
                _changed[own] = change;
        }

        if (unknown.Count > 0)
            throw Unfit(Lacking(unknown));

        string? Taken(string name, string? own)
        {
            if (own is null)
                unknown.Add(name);
            return own;
        }
    }

    /// <summary>What is added to tensors of the model.</summary>
    public IReadOnlyDictionary<string, TensorChange> Changed => _changed;

    /// <summary>What takes the place of tensors of the model.</summary>
    public IReadOnlyDictionary<string, TensorInfo> Replaced => _replaced;

    /// <summary>Rows that take the place of those of single tokens.</summary>
    public IReadOnlyDictionary<string, (TensorInfo Rows, IReadOnlyList<int> Tokens)> Rows => _rows;

    private void Change(string own, LoraModule module)
    {
        _changed[own] = new FactorsChange(module, IsTransposed(own, module), module.Scale);
        if (module.Bias is not { } bias)
            return;
        if (Own(module.Name + Bias) is not { } name)
            throw Unfit($"adds to the bias of '{module.Name}' (lora_bias), which has none in the model '{_model.Folder}'");
        if (!_model.Find(name)!.Shape.SequenceEqual(bias.Shape))
            throw Unfit($"adds {bias.ShapeText} to '{name}', which is {TensorInfo.Shown(_model.Find(name)!.Shape)} in '{_model.Folder}'");
        _changed[name] = new VectorChange(bias, module.Scale);
    }

    private (TensorInfo Rows, IReadOnlyList<int> Tokens) Checked(string own, (TensorInfo Rows, IReadOnlyList<int> Tokens) rows)
    {
        var shape = (_replaced.TryGetValue(own, out var replacement) ? replacement.Shape : _model.Find(own)!.Shape);
        if (shape is not [var count, var columns] || columns != rows.Rows.Shape[1])
            throw Unfit($"has rows of {rows.Rows.Shape[1]} numbers for '{own}', which is {TensorInfo.Shown(shape)} in '{_model.Folder}'");
        if (rows.Tokens.FirstOrDefault(token => token >= count, -1) is >= 0 and var beyond)
            throw Unfit($"has a row for the token {beyond}, and '{own}' of the model '{_model.Folder}' has {count} rows");
        return rows;
    }

    // An adapter trained on a model without its head, or with one more or one less wrapper, names the same tensors with less or more in
    // front.
    private string? Own(string name)
    {
        if (_model.Find(name) is not null)
            return name;
        var ending = _names.Where(own => own.EndsWith("." + name, StringComparison.Ordinal)).Take(2).ToList();
        if (ending is [var only])
            return only;
        return _index.Same(name) ?? _structure.Find(name);
    }

    // A stored matrix of [in, out] (GPT-2's Conv1D, embeddings) takes the transpose; a square one goes by what the adapter says.
    private bool IsTransposed(string name, LoraModule module)
    {
        var shape = _replaced.TryGetValue(name, out var replacement) ? replacement.Shape : _model.Find(name)!.Shape;
        var isTransposed = module.IsEmbedding || _adapter.Config.IsTransposed;
        var fits = shape.SequenceEqual([module.Out, .. module.A.Shape.Skip(1)]);
        var fitsTransposed = shape.SequenceEqual([module.In, module.Out]);
        if (module.IsEmbedding ? !fitsTransposed : !fits && !fitsTransposed)
        {
            long[] change = module.IsEmbedding ? [module.In, module.Out] : [module.Out, .. module.A.Shape.Skip(1)];
            throw Unfit(
                $"changes '{name}' by a matrix of {TensorInfo.Shown(change)}, "
                    + $"but it is {TensorInfo.Shown(shape)} in the model '{_model.Folder}'. An adapter fits the model that it was trained on.");
        }

        if (!_model.Find(name)!.DType.IsFloatingPoint())
            throw Unfit($"changes '{name}', which holds integers (quantised weights?) in the model '{_model.Folder}'");
        return fits && fitsTransposed ? isTransposed : fitsTransposed;
    }

    private string Lacking(List<string> unknown)
    {
        var isHead = _adapter.Config.Task is "SEQ_CLS" or "TOKEN_CLS" or "QUESTION_ANS"
            && unknown.TrueForAll(_adapter.Replacements.ContainsKey);
        return
            $"changes {(unknown.Count == 1 ? "" : $"{unknown.Count} modules, among them ")}{string.Join(", ", unknown.Take(NamesInMessage).Select(name => $"'{name}'"))}, "
            + $"which the model '{_model.Folder}' lacks. "
            + (isHead
                ? $"It is a new head for the task {_adapter.Config.Task}: save the model with such a head (of any numbers) and name that one."
                : "An adapter fits the model that it was trained on.");
    }

    private CheckpointException Unfit(string what) =>
        new(CheckpointError.BadAdapter, _adapter.Folder, $"The adapter '{_adapter.Folder}' {what}");
}
