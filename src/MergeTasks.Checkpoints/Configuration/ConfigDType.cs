using System.Text;
using System.Text.Json;
using MergeTasks.Checkpoints.Elements;

namespace MergeTasks.Checkpoints.Configuration;

/// <summary>
/// Sets the element type that a <c>config.json</c> declares (<c>torch_dtype</c>, <c>dtype</c> since transformers 5)
/// by replacing that value alone, so that every other byte of the file stays as its author wrote it.
/// </summary>
internal static class ConfigDType
{
    /// <summary>
    /// Returns the text with the type set, at the top level and in sections directly below it (such as <c>text_config</c>).
    /// </summary>
    /// <param name="config">A JSON object, as <see cref="ModelConfig.Read"/> accepts it.</param>
    /// <param name="dtype">A floating-point type.</param>
    public static byte[] Set(byte[] config, DType dtype)
    {
        var replacement = Encoding.UTF8.GetBytes($"\"{dtype.TorchName()}\"");
        using var result = new MemoryStream(config.Length + 64);
        var copied = 0;
        var found = false;
        foreach (var member in JsonSplice.Members(config, ModelConfig.FileName).Where(member => IsDType(config, member)))
        {
            result.Write(config, copied, member.Start - copied);
            result.Write(replacement);
            copied = member.End;
            found |= member.Name.Section.Length == 0;
        }

        if (!found)
            copied = InsertFirst(config, copied, replacement, result);
        result.Write(config, copied, config.Length - copied);
        return result.ToArray();
    }

    private static bool IsDType(byte[] config, JsonMember member)
    {
        if (member.Name.Key is not ("torch_dtype" or "dtype"))
            return false;
        var value = JsonSplice.ValueOf(config, ModelConfig.FileName, member);
        return value.ValueKind == JsonValueKind.String ? DTypes.FromTorchName(value.GetString()) is not null
            : member.Name.Section.Length == 0 && value.ValueKind == JsonValueKind.Null;
    }

    // A config without the key gets it as its first member, with the white space of the member it precedes.
    private static int InsertFirst(byte[] config, int copied, byte[] value, MemoryStream result)
    {
        if (copied > 0)
            return copied;
        var afterBrace = Array.IndexOf(config, (byte)'{') + 1;
        var next = afterBrace;
        while (next < config.Length && char.IsWhiteSpace((char)config[next]))
            next++;
        result.Write(config, 0, next);
        result.Write("\"torch_dtype\": "u8);
        result.Write(value);
        if (next < config.Length && config[next] != '}')
        {
            result.WriteByte((byte)',');
            result.Write(config, afterBrace, next - afterBrace);
        }

        return next;
    }
}
