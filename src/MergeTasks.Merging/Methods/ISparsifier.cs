namespace MergeTasks.Merging.Methods;

/// <summary>Decides which elements of a task vector (a model's delta to the base) are kept.</summary>
internal interface ISparsifier
{
    /// <summary>Passes over the whole tensor that it needs before <see cref="Mask"/>.</summary>
    int Passes { get; }

    /// <summary>Whether blocks must come in order.</summary>
    bool IsSequential { get; }

    /// <summary>Starts a pass over the tensor, <see cref="Passes"/> times and then once for every further pass that calls <see cref="Mask"/>.</summary>
    /// <returns>Numbers per block and model that <see cref="Analyze"/> yields.</returns>
    int BeginPass(int pass);

    /// <summary>Looks at one model's delta of a block in one of its own passes.</summary>
    void Analyze(int pass, int model, MergeBlock block, ReadOnlySpan<float> delta, Span<double> partials);

    /// <summary>Ends one of its own passes; <paramref name="partials"/> is ordered by block, then model.</summary>
    void EndPass(int pass, double[] partials);

    /// <summary>Sets the elements of a block's delta that are dropped to zero.</summary>
    void Mask(int model, MergeBlock block, Span<float> delta);
}
