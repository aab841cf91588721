namespace MergeTasks.Sources.References;

/// <summary>What a user writes for one model, read (<see cref="SourceSchemes.Parse"/>).</summary>
public abstract record ModelReference
{
    /// <summary>The reference in its canonical form, which is its name in the lock file.</summary>
    public abstract string Key { get; }
}

/// <summary>A folder on this machine, which may not exist.</summary>
/// <param name="Folder">Full path.</param>
public sealed record PathReference(string Folder) : ModelReference
{
    /// <inheritdoc/>
    public override string Key => Folder;
}
