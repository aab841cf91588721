using MergeTasks.Language.Diagnostics;

namespace MergeTasks.Language.Options;

/// <summary>
/// Something that users may say of a merge. All that is known of it stands in its row: items, properties and recipes are read by it,
/// the recipe of an output is written by it, and reference, schemas and build files are generated from it.
/// </summary>
/// <param name="metadata">Name as metadata of an item, and with <c>Merge</c> in front, where it does not begin so, as a property of the
/// project.</param>
/// <param name="section">The recipe section that holds it; empty for a key of the recipe itself.</param>
/// <param name="key">Name in that section; empty where recipes do not know it.</param>
/// <param name="form">What its value may be.</param>
/// <param name="description">One sentence or two for the reference and for editors.</param>
internal class MergeOption(string metadata, string section, string key, RecipeForm form, string description)
{
    /// <summary>Name as metadata.</summary>
    public string Metadata => metadata;

    /// <summary>The recipe section that holds it; empty for a key of the recipe itself.</summary>
    public string Section => section;

    /// <summary>Name in that section; empty where recipes do not know it.</summary>
    public string Key => key;

    /// <summary>What its value may be.</summary>
    public RecipeForm Form => form;

    /// <summary>One sentence or two for the reference and for editors.</summary>
    public string Description => description;

    /// <summary>What is used where nothing is given, as written; <see langword="null"/>: nothing, or what the description says.</summary>
    public string? DefaultText { get; init; }

    /// <summary>Whether a property of the project sets it for all merges that do not set it themselves.</summary>
    public bool IsProjectWide { get; init; }

    /// <summary>Name of that property.</summary>
    public string PropertyName => metadata.StartsWith("Merge", StringComparison.Ordinal) ? metadata : "Merge" + metadata;

    /// <summary>What is wrong with a value, after the option's name; <see langword="null"/>: nothing.</summary>
    internal virtual string? FaultOf(WrittenOption written) => null;

    /// <summary>What messages call it: by both of its names, because it may be written in either place.</summary>
    internal string Title =>
        key.Length == 0 ? $"'{metadata}'" : $"'{metadata}' (in recipes '{(section.Length == 0 ? key : $"{section}: {key}")}')";
}

/// <summary>An option whose value some record holds.</summary>
/// <typeparam name="TOwner">The record.</typeparam>
internal abstract class MergeOption<TOwner>(string metadata, string section, string key, RecipeForm form, string description)
    : MergeOption(metadata, section, key, form, description)
{
    /// <summary>The record with the default.</summary>
    internal abstract TOwner WithDefault(TOwner owner);

    /// <summary>The record with what is written.</summary>
    /// <param name="owner">The record.</param>
    /// <param name="written">What is written.</param>
    /// <param name="pathOf">Full path of a file that is named.</param>
    /// <param name="fault">What is wrong with it, after the option's name; <see langword="null"/>: nothing.</param>
    internal abstract TOwner With(TOwner owner, WrittenOption written, Func<WrittenOption, string> pathOf, out string? fault);

    /// <summary>The value as a recipe writes it; <see langword="null"/> where recipes do not know it, or need not say it.</summary>
    public abstract string? Written(TOwner owner);

    /// <summary>The value, whoever asks.</summary>
    public abstract string Text(TOwner owner);
}

/// <inheritdoc/>
/// <typeparam name="TOwner">The record.</typeparam>
/// <typeparam name="T">Type of the value.</typeparam>
internal sealed class MergeOption<TOwner, T> : MergeOption<TOwner>
{
    private readonly OptionKind<T> _kind;
    private readonly T _missing;
    private readonly Func<TOwner, T> _get;
    private readonly Func<TOwner, T, TOwner> _set;

    /// <summary>A row.</summary>
    /// <param name="metadata">Name as metadata.</param>
    /// <param name="section">The recipe section.</param>
    /// <param name="key">Name there.</param>
    /// <param name="kind">How its values are written.</param>
    /// <param name="missing">The value where nothing is given.</param>
    /// <param name="description">For the reference.</param>
    /// <param name="get">The value that a record holds.</param>
    /// <param name="set">The record with another value.</param>
    public MergeOption(
        string metadata, string section, string key, OptionKind<T> kind, T missing, string description,
        Func<TOwner, T> get, Func<TOwner, T, TOwner> set)
        : base(metadata, section, key, kind.Form, description)
    {
        (_kind, _missing, _get, _set) = (kind, missing, get, set);
        DefaultText = kind.Print(missing) is { Length: > 0 } text ? text : null;
    }

    /// <summary>Whether a recipe says it; where this is not given, where the value is not the default.</summary>
    public Func<TOwner, bool>? IsWritten { get; init; }

    internal override string? FaultOf(WrittenOption written) => _kind.Parse(written, file => file.Text).Fault;

    /// <inheritdoc/>
    public override string Text(TOwner owner) => _kind.Print(_get(owner));

    internal override TOwner WithDefault(TOwner owner) => _set(owner, _missing);

    internal override TOwner With(TOwner owner, WrittenOption written, Func<WrittenOption, string> pathOf, out string? fault)
    {
        (var value, fault) = _kind.Parse(written, pathOf);
        if (fault is not null)
            return owner;

        // Lists are compared by reference: a record that is told the default equals one that is told nothing.
        return _set(owner, _kind.Print(value) == _kind.Print(_missing) ? _missing : value);
    }

    /// <inheritdoc/>
    public override string? Written(TOwner owner)
    {
        var text = _kind.Print(_get(owner));
        return Key.Length > 0 && (IsWritten?.Invoke(owner) ?? text != _kind.Print(_missing)) ? text : null;
    }
}

/// <summary>A value as written.</summary>
/// <param name="Entries">The text, or the texts of a list; at least one.</param>
/// <param name="Locate">Finds where it stands, which costs reading the project file and so waits for a message that needs it.</param>
internal sealed record WrittenOption(IReadOnlyList<string> Entries, Func<SourceLocation> Locate)
{
    /// <summary>The text; lists are separated by ';'.</summary>
    public string Text => string.Join(';', Entries);

    /// <summary>Where it stands.</summary>
    public SourceLocation Location => Locate();
}
