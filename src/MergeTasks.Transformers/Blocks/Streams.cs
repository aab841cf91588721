using System.Numerics.Tensors;
using MergeTasks.Transformers.Execution;

namespace MergeTasks.Transformers.Blocks;

/// <summary>Several residual streams lie one after the other in the channels of one activation.</summary>
internal static class Streams
{
    /// <summary>A copy of one stream.</summary>
    public static Activation Of(Pass pass, Activation all, int stream, int width)
    {
        var own = pass.Rent(all.Rows, width);
        pass.ForRows(all.Rows, (first, end) =>
        {
            for (var row = first; row < end; row++)
                all.Row(row).Slice(stream * width, width).CopyTo(own.Row(row));
        });
        return own;
    }

    /// <summary>Adds rows to one stream.</summary>
    public static void Add(Pass pass, Activation all, int stream, Activation rows) => pass.ForRows(all.Rows, (first, end) =>
    {
        for (var row = first; row < end; row++)
        {
            var own = all.Row(row).Slice(stream * rows.Channels, rows.Channels);
            TensorPrimitives.Add(own, rows.Row(row), own);
        }
    });
}
