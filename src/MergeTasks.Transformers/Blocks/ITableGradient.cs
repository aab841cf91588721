using MergeTasks.Transformers.Execution;

namespace MergeTasks.Transformers.Blocks;

/// <summary>The output's share of the gradient of a token table that it is tied to, some rows at a time.</summary>
internal interface ITableGradient
{
    /// <summary>Rows of every part but the last.</summary>
    int RowsPerPart { get; }

    /// <summary>Writes the gradient of the rows of one part.</summary>
    /// <param name="pass">The run.</param>
    /// <param name="part">Number of the part.</param>
    /// <param name="gradient">Takes the rows.</param>
    void Write(Pass pass, int part, Activation gradient);
}
